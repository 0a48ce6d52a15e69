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

/** AES-256-GCM under keys derived from one key. Derives none twice while the first half of the nonce stays the same. */
template <typename Gcm>
class XaesGcm {
 public:
  /** `key` has kKeyOctets. False if OpenSSL refuses. */
  bool Init(const uint8_t* key);

 protected:
  /** The cipher for a nonce of kXaesNonceOctets, whose second half is the nonce to use it with; null if refused. */
  Gcm* For(const uint8_t* nonce);

 private:
  static constexpr size_t kBlock = 16;

  HeaderMask blocks_;
  Gcm gcm_;
  /** Of CMAC, for whole blocks. */
  uint8_t subkey_[kBlock];
  /** What the key of `gcm_` was derived from. */
  uint8_t derived_from_[kNonceOctets];
  bool is_derived_ = false;
};

/** Seals under one key. */
class XaesSealer : public XaesGcm<Sealer> {
 public:
  /** Writes ciphertext and tag. `nonce` has kXaesNonceOctets. */
  bool Seal(const uint8_t* nonce, Bytes aad, Bytes plaintext, uint8_t* out);
};

/** Opens under one key. */
class XaesOpener : public XaesGcm<Opener> {
 public:
  /** Opens ciphertext and tag. False if the tag is wrong; what was written to `out` must not be used then. */
  bool Open(const uint8_t* nonce, Bytes aad, Bytes sealed, uint8_t* out);
};

}  // namespace stt

#endif  // STT_CORE_XAES_H_
