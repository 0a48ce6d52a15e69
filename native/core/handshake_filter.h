#ifndef STT_CORE_HANDSHAKE_FILTER_H_
#define STT_CORE_HANDSHAKE_FILTER_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "address.h"
#include "bytes.h"
#include "cookie_guard.h"
#include "id_table.h"
#include "kdf.h"
#include "status.h"

namespace stt {

/** Lets handshake messages through that somebody with a seed sent, or that were asked for. Keeps nothing of strangers. */
class HandshakeFilter {
 public:
  /** Seeds that a node holds at most (STT §4). */
  static constexpr size_t kMaxSeeds = 64;
  static constexpr uint32_t kNoSeed = 0xffffffff;

  explicit HandshakeFilter(uint64_t salt) : expected_(salt) {}

  /** Takes the place of all keys from before; at most kMaxSeeds. */
  bool SetMac1Keys(const std::vector<Bytes>& keys);
  /** Under load: from now on HELLOs without a good cookie do not pass. Null: they do. */
  void SetGuard(std::unique_ptr<CookieGuard> guard) { guard_ = std::move(guard); }
  void Expect(uint64_t handshake_id) { expected_.Set(handshake_id, 1); }
  void Forget(uint64_t handshake_id) { expected_.Delete(handshake_id); }
  /** Handshakes that are expected. */
  size_t expected() const { return expected_.size(); }

  /** Judges a whole datagram. */
  FilterStatus Check(Bytes datagram, const Address& from);
  /** Of the message passed last, or found unproven: index of the seed for a HELLO, else kNoSeed. */
  uint32_t seed_index() const { return seed_index_; }
  /** Writes CookieGuard::kReplyOctets for the HELLO judged last, which was unproven. False if that cannot be. */
  bool WriteCookieReply(Bytes hello, const Address& from, uint8_t* out);

 private:
  FilterStatus CheckHello(Bytes datagram, const uint8_t* handshake_id, Bytes payload, const Address& from);
  uint32_t SeedOf(const uint8_t* digest, const uint8_t* mac1);

  IdTable expected_;
  std::vector<Hmac> mac1_keys_;
  std::unique_ptr<CookieGuard> guard_;
  uint32_t seed_index_ = kNoSeed;
};

}  // namespace stt

#endif  // STT_CORE_HANDSHAKE_FILTER_H_
