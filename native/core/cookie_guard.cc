#include "cookie_guard.h"

#include <utility>

#include "frame.h"

namespace stt {

namespace {

constexpr uint8_t kHandshakeFrame = 0x05;
constexpr uint8_t kCookieReply = 0x03;
/** IPv6 or IPv4-mapped address, and port. */
constexpr size_t kBoundOctets = 18;

bool IsZero(const uint8_t* octets, size_t size) {
  uint8_t sum = 0;
  for (size_t i = 0; i < size; i++) sum |= octets[i];
  return sum == 0;
}

}  // namespace

bool CookieGuard::Init(const std::vector<Bytes>& cookie_keys, const std::vector<Bytes>& secrets) {
  sealers_.reserve(cookie_keys.size());
  for (const Bytes& key : cookie_keys) {
    XaesSealer sealer;
    if (!sealer.Init(key.data)) return false;
    sealers_.push_back(std::move(sealer));
  }
  for (const Bytes& secret : secrets) {
    Hmac hmac;
    if (!hmac.Init(secret)) return false;
    secrets_.push_back(std::move(hmac));
  }
  return !secrets_.empty();
}

bool CookieGuard::MakeCookie(Hmac* secret, const Address& from, uint8_t* cookie) {
  uint8_t mac[kHashOctets];
  const Bytes bound = {from.octets, kBoundOctets};
  if (!secret->Compute(&bound, 1, mac)) return false;
  memcpy(cookie, mac, kCookieOctets);
  return true;
}

bool CookieGuard::IsProven(const uint8_t* digest, const uint8_t* mac1, const uint8_t* mac2, const Address& from) {
  // Who has no cookie yet sends zeros: no HMAC for those.
  if (IsZero(mac2, kMacOctets)) return false;
  const Bytes parts[] = {{digest, kHashOctets}, {mac1, kMacOctets}};
  for (Hmac& secret : secrets_) {
    uint8_t cookie[kCookieOctets];
    uint8_t expected[kHashOctets];
    if (!MakeCookie(&secret, from, cookie) || !proof_.Init({cookie, sizeof cookie}) ||
        !proof_.Compute(parts, 2, expected)) {
      return false;
    }
    if (ConstantTimeEqual(expected, mac2, kMacOctets)) return true;
  }
  return false;
}

bool CookieGuard::WriteReply(size_t seed, const uint8_t* handshake_id, const uint8_t* mac1, const Address& from,
                             uint8_t* out) {
  uint8_t cookie[kCookieOctets];
  uint8_t payload[1 + kXaesNonceOctets + kCookieOctets + kTagOctets];
  const uint8_t* nonce = NextNonce();
  if (seed >= sealers_.size() || nonce == nullptr || !MakeCookie(&secrets_[0], from, cookie)) return false;
  payload[0] = kCookieReply;
  memcpy(payload + 1, nonce, kXaesNonceOctets);
  uint8_t* const sealed = payload + 1 + kXaesNonceOctets;
  if (!sealers_[seed].Seal(nonce, {mac1, kMacOctets}, {cookie, sizeof cookie}, sealed)) return false;
  Frame frame;
  frame.type = kHandshakeFrame;
  memcpy(frame.session_id, handshake_id, kSessionIdOctets);
  frame.payload = {payload, sizeof payload};
  static_assert(kReplyOctets == 2 + 1 + kFrameFixedOctets + 1 + sizeof payload, "the frame has a length of one octet");
  EncodeFrame(frame, out);
  return true;
}

const uint8_t* CookieGuard::NextNonce() {
  if (nonces_used_ == kNonces) {
    if (!RandomOctets(nonces_, sizeof nonces_)) return nullptr;
    nonces_used_ = 0;
  }
  return nonces_ + kXaesNonceOctets * nonces_used_++;
}

}  // namespace stt
