#ifndef STT_CORE_XAES_H_
#define STT_CORE_XAES_H_

#include <cstddef>
#include <cstdint>

#include "aead.h"
#include "bytes.h"

// XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived, by CMAC, from the first half of a nonce of 24
// octets; with so long a nonce random ones never meet. lib/stc/xaes.ts says the same.

namespace stt {

constexpr size_t kXaesNonceOctets = 24;

/** Seals under one key; the work that does not depend on the nonce is done once. */
class XaesSealer {
 public:
  /** `key` has kKeyOctets. False if OpenSSL refuses. */
  bool Init(const uint8_t* key);
  /** Writes ciphertext and tag. `nonce` has kXaesNonceOctets. */
  bool Seal(const uint8_t* nonce, Bytes aad, Bytes plaintext, uint8_t* out);

 private:
  static constexpr size_t kBlock = 16;

  HeaderMask blocks_;
  Sealer gcm_;
  /** Of CMAC, for whole blocks. */
  uint8_t subkey_[kBlock];
};

}  // namespace stt

#endif  // STT_CORE_XAES_H_
