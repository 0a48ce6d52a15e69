#ifndef STT_CORE_SESSION_TABLE_H_
#define STT_CORE_SESSION_TABLE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "aead.h"
#include "id_table.h"
#include "replay_window.h"
#include "slot_list.h"

namespace stt {

/** Keys of one direction (STT §5): kKeyOctets, kNonceOctets, kKeyOctets. */
struct DirectionKeys {
  const uint8_t* key;
  const uint8_t* iv;
  const uint8_t* hp;
};

/** What the engine knows of a session. */
struct Session {
  ~Session();
  bool Init(Suite suite, const DirectionKeys& send, const DirectionKeys& receive);

  uint64_t id = 0;
  Sealer sealer;
  HeaderMask send_mask;
  uint8_t send_iv[kNonceOctets];
  Opener opener;
  HeaderMask receive_mask;
  uint8_t receive_iv[kNonceOctets];
  ReplayWindow window;
  /** Failed openings left before the FORGERY_LIMIT row; negative once it was given. */
  int64_t forgeries_left = 0;
};

/** Sessions by slot and by id. */
class SessionTable {
 public:
  static constexpr uint32_t kNone = IdTable::kNone;

  explicit SessionTable(uint64_t salt) : by_id_(salt) {}

  /** Sessions that are open. */
  size_t size() const { return by_id_.size(); }
  uint32_t Find(uint64_t id) const { return by_id_.Find(id); }
  /** Null if there is no such session. */
  Session* At(uint32_t slot) const { return slot < sessions_.size() ? sessions_[slot].get() : nullptr; }
  /** The slot of a session whose id is not in the table yet. */
  uint32_t Add(std::unique_ptr<Session> session);
  /** Forgets a session and wipes its keys. */
  void Remove(uint32_t slot);
  void RemoveAll();
  void Settle() { slots_.Settle(); }

 private:
  IdTable by_id_;
  SlotList slots_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace stt

#endif  // STT_CORE_SESSION_TABLE_H_
