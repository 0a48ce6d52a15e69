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
constexpr size_t kMacOctets = 16;
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

FilterStatus HandshakeFilter::Check(Bytes datagram) {
  Frame frame;
  size_t size;
  if (ParseFrame(datagram, &frame, &size) != FrameStatus::kOk || size != datagram.size || !IsHandshake(frame)) {
    return FilterStatus::kMalformed;
  }
  const uint8_t type = frame.payload.data[0];
  if (type == kHello) {
    // Dropped before any hash.
    if (datagram.size != kHelloOctets) return FilterStatus::kMalformed;
    seed_index_ = SeedOf(datagram, frame.session_id, frame.payload);
    return seed_index_ == kNoSeed ? FilterStatus::kStranger : FilterStatus::kPassed;
  }
  if (type < kHelloResp || type > kVersions || datagram.size > kHelloOctets) return FilterStatus::kMalformed;
  if (expected_.Find(Load64(frame.session_id)) == IdTable::kNone) return FilterStatus::kStranger;
  seed_index_ = kNoSeed;
  return FilterStatus::kPassed;
}

/** The first seed whose mac1 fits: one hash of the datagram and one short HMAC per seed (STT §4). */
uint32_t HandshakeFilter::SeedOf(Bytes datagram, const uint8_t* handshake_id, Bytes payload) {
  if (mac1_keys_.empty()) return kNoSeed;
  uint8_t digest[kHashOctets];
  const Bytes parts[] = {{handshake_id, kSessionIdOctets}, {payload.data, payload.size - kMacsOctets}};
  if (!Sha256(parts, 2, digest)) return kNoSeed;
  const uint8_t* mac1 = datagram.data + datagram.size - kMacsOctets;
  const Bytes message = {digest, sizeof digest};
  for (uint32_t index = 0; index < mac1_keys_.size(); index++) {
    uint8_t expected[kHashOctets];
    if (mac1_keys_[index].Compute(&message, 1, expected) && ConstantTimeEqual(expected, mac1, kMacOctets)) return index;
  }
  return kNoSeed;
}

}  // namespace stt
