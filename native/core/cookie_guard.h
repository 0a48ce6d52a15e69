#ifndef STT_CORE_COOKIE_GUARD_H_
#define STT_CORE_COOKIE_GUARD_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "address.h"
#include "aead.h"
#include "bytes.h"
#include "kdf.h"
#include "xaes.h"

namespace stt {

/** Octets of mac1 and of mac2, which end a HELLO. */
constexpr size_t kMacOctets = 16;

/** What a responder under load asks for and gives (STT §4): cookies, which prove the sender's address. */
class CookieGuard {
 public:
  static constexpr size_t kCookieOctets = 16;
  /** The current secret, and the one before for a while. */
  static constexpr size_t kMaxSecrets = 2;
  static constexpr size_t kSecretOctets = 32;
  /** A COOKIE_REPLY as a whole STTFrame. */
  static constexpr size_t kReplyOctets = 91;

  /** `cookie_keys` of kKeyOctets by seed index; 1..kMaxSecrets `secrets`, the current one first. False if OpenSSL refuses. */
  bool Init(const std::vector<Bytes>& cookie_keys, const std::vector<Bytes>& secrets);

  /** True if mac2 proves that the HELLO with this hash and mac1 was sent from this address. */
  bool IsProven(const uint8_t* digest, const uint8_t* mac1, const uint8_t* mac2, const Address& from);
  /** Writes kReplyOctets: the answer to a HELLO that proves nothing. False if that cannot be. */
  bool WriteReply(size_t seed, const uint8_t* handshake_id, const uint8_t* mac1, const Address& from, uint8_t* out);

 private:
  /** Nonces drawn at once: a draw costs OpenSSL more than the octets. */
  static constexpr size_t kNonces = 64;

  bool MakeCookie(Hmac* secret, const Address& from, uint8_t* cookie);
  const uint8_t* NextNonce();

  std::vector<XaesSealer> sealers_;
  std::vector<Hmac> secrets_;
  /** Keyed by cookies. */
  Hmac proof_;
  size_t nonces_used_ = kNonces;
  uint8_t nonces_[kNonces * kXaesNonceOctets];
};

}  // namespace stt

#endif  // STT_CORE_COOKIE_GUARD_H_
