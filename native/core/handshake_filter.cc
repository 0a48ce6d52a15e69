#include "handshake_filter.h"

#include <utility>

#include "frame.h"

namespace stt {

namespace {

constexpr uint8_t kHandshakeFrame = 0x05;
constexpr uint8_t kHello = 0x01;
constexpr uint8_t kHelloResp = 0x02;
constexpr uint8_t kVersions = 0x04;
/** A HELLO on UDP is exactly so long, an answer never longer (STT §4). */
constexpr size_t kHelloOctets = 1200;
/** mac1 and mac2 end a HELLO. */
constexpr size_t kMacsOctets = 2 * kMacOctets;

/** STT §4: flags, sequence, timestamp, stream_id and meta_len are 0, and there is a payload. */
bool IsHandshake(const Frame& frame) {
  return frame.type == kHandshakeFrame && frame.flags == 0 && frame.sequence == 0 && frame.timestamp == 0 &&
         frame.stream_id == 0 && frame.crypto_metadata.size == 0 && frame.payload.size > 0;
}

}  // namespace

bool HandshakeFilter::SetMac1Keys(const std::vector<Bytes>& keys) {
  std::vector<Hmac> fresh;
  if (keys.size() > kMaxSeeds) return false;
  fresh.reserve(keys.size());
  for (const Bytes& key : keys) {
    Hmac hmac;
    if (!hmac.Init(key)) return false;
    fresh.push_back(std::move(hmac));
  }
  mac1_keys_.swap(fresh);
  return true;
}

FilterStatus HandshakeFilter::Check(Bytes datagram, const Address& from) {
  Frame frame;
  size_t size;
  if (ParseFrame(datagram, &frame, &size) != FrameStatus::kOk || size != datagram.size || !IsHandshake(frame)) {
    return FilterStatus::kMalformed;
  }
  const uint8_t type = frame.payload.data[0];
  if (type == kHello) {
    // Dropped before any hash.
    if (datagram.size != kHelloOctets) return FilterStatus::kMalformed;
    return CheckHello(datagram, frame.session_id, frame.payload, from);
  }
  if (type < kHelloResp || type > kVersions || datagram.size > kHelloOctets) return FilterStatus::kMalformed;
  if (expected_.Find(Load64(frame.session_id)) == IdTable::kNone) return FilterStatus::kStranger;
  seed_index_ = kNoSeed;
  return FilterStatus::kPassed;
}

/** One hash of the datagram and one short HMAC per seed; under load two more for who sends a cookie (STT §4). */
FilterStatus HandshakeFilter::CheckHello(Bytes datagram, const uint8_t* handshake_id, Bytes payload,
                                         const Address& from) {
  seed_index_ = kNoSeed;
  if (mac1_keys_.empty()) return FilterStatus::kStranger;
  uint8_t digest[kHashOctets];
  const Bytes parts[] = {{handshake_id, kSessionIdOctets}, {payload.data, payload.size - kMacsOctets}};
  if (!Sha256(parts, 2, digest)) return FilterStatus::kStranger;
  const uint8_t* mac1 = datagram.data + datagram.size - kMacsOctets;
  seed_index_ = SeedOf(digest, mac1);
  if (seed_index_ == kNoSeed) return FilterStatus::kStranger;
  // Who has opened a connection has shown where it is.
  if (guard_ == nullptr || IsConnection(from)) return FilterStatus::kPassed;
  return guard_->IsProven(digest, mac1, mac1 + kMacOctets, from) ? FilterStatus::kPassed : FilterStatus::kUnproven;
}

/** The first seed whose mac1 fits. */
uint32_t HandshakeFilter::SeedOf(const uint8_t* digest, const uint8_t* mac1) {
  const Bytes message = {digest, kHashOctets};
  for (uint32_t index = 0; index < mac1_keys_.size(); index++) {
    uint8_t expected[kHashOctets];
    if (mac1_keys_[index].Compute(&message, 1, expected) && ConstantTimeEqual(expected, mac1, kMacOctets)) return index;
  }
  return kNoSeed;
}

bool HandshakeFilter::WriteCookieReply(Bytes hello, const Address& from, uint8_t* out) {
  // A HELLO is of one size: its length takes two octets, and type and flags follow.
  constexpr size_t kHandshakeIdAt = 6;
  const uint8_t* mac1 = hello.data + hello.size - kMacsOctets;
  return guard_ != nullptr && guard_->WriteReply(seed_index_, hello.data + kHandshakeIdAt, mac1, from, out);
}

}  // namespace stt
