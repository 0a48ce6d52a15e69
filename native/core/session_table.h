#ifndef STT_CORE_SESSION_TABLE_H_
#define STT_CORE_SESSION_TABLE_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "aead.h"
#include "id_table.h"
#include "kdf.h"
#include "packet.h"
#include "replay_window.h"
#include "slot_list.h"

namespace stt {

/** Keys of one direction in phase 0 (STT §5): kKeyOctets, kNonceOctets, kKeyOctets. */
struct DirectionKeys {
  const uint8_t* key;
  const uint8_t* iv;
  const uint8_t* hp;
};

/** Keys of one direction in one phase, keyed once: `Cipher` is Sealer or Opener. */
template <typename Cipher>
struct PhaseCipher {
  ~PhaseCipher() { Wipe(iv, sizeof iv); }
  bool Init(Suite suite, const uint8_t* key, const uint8_t* nonce_base) {
    memcpy(iv, nonce_base, kNonceOctets);
    return cipher.Init(suite, key);
  }

  Cipher cipher;
  uint8_t iv[kNonceOctets];
};
using SendKeys = PhaseCipher<Sealer>;
using ReceiveKeys = PhaseCipher<Opener>;

/** What the engine knows of a session. */
class Session {
 public:
  bool Init(Suite suite, const DirectionKeys& send, const DirectionKeys& receive);

  // Key phases (STT §5); lib/ports/packet-engine.ts says what each of these does.
  enum class NextKeys { kInstalled, kStillWaiting, kRefused };
  NextKeys InstallNext(const uint8_t* send_key, const uint8_t* send_iv, const uint8_t* receive_key,
                       const uint8_t* receive_iv);
  void SwitchSend();
  void DropOld() { old_receive_.reset(); }

  SendKeys* send() { return send_.get(); }
  uint32_t send_phase() const { return send_phase_; }
  /** The keys for packet `pn` whose K bit is `bit`, or null. One of them at most is tried, so that no time tells which. */
  ReceiveKeys* KeysFor(uint32_t bit, uint64_t pn) {
    if (bit == (receive_phase_ & 1)) return receive_.get();
    return pn < first_of_phase_ ? old_receive_.get() : next_receive_.get();
  }
  /** A packet was opened with keys that `KeysFor` gave. Gives its phase. */
  uint32_t OnOpened(const ReceiveKeys* keys, uint64_t pn) {
    if (keys != receive_.get()) return OnOtherPhase(keys, pn);
    if (pn < first_of_phase_) first_of_phase_ = pn;
    return receive_phase_;
  }

  uint64_t id = 0;
  HeaderMask send_mask;
  HeaderMask receive_mask;
  ReplayWindow window;
  /** Failed openings left before the FORGERY_LIMIT row; negative once it was given. */
  int64_t forgeries_left = 0;
  /** What ends a stateless reset, once it is known. */
  uint8_t reset_token[kResetTokenOctets];
  bool has_reset_token = false;
  /** Packets on this path are sent with ECT(0): PathTable::kNone if on none. */
  uint32_t marked_path = UINT32_MAX;

 private:
  uint32_t OnOtherPhase(const ReceiveKeys* keys, uint64_t pn);

  Suite suite_ = Suite::kAes256Gcm;
  std::unique_ptr<SendKeys> send_;
  std::unique_ptr<SendKeys> next_send_;
  std::unique_ptr<ReceiveKeys> receive_;
  std::unique_ptr<ReceiveKeys> next_receive_;
  std::unique_ptr<ReceiveKeys> old_receive_;
  uint32_t send_phase_ = 0;
  uint32_t receive_phase_ = 0;
  /** The smallest packet number that was opened in this phase: those of the phase before lie below it. */
  uint64_t first_of_phase_ = 0;
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
