#ifndef STT_CORE_KEY_AGREEMENT_H_
#define STT_CORE_KEY_AGREEMENT_H_

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>

// X25519 (RFC 7748) on OpenSSL.

namespace stt {

constexpr size_t kX25519Octets = 32;

/**
 * A private key that is ready to agree. OpenSSL spends as long on looking algorithms up and on the public key as on the
 * agreement itself; all that happens in `Init`, which can be done ahead.
 */
class KeyAgreement {
 public:
  KeyAgreement() = default;
  ~KeyAgreement() { EVP_PKEY_CTX_free(context_); }
  KeyAgreement(const KeyAgreement&) = delete;
  KeyAgreement& operator=(const KeyAgreement&) = delete;

  /** False if OpenSSL refuses. `private_key` has kX25519Octets. */
  bool Init(const uint8_t* private_key);
  /** Shared secret with the public key of another, kX25519Octets each. False if it is all zeros. */
  bool Agree(const uint8_t* peer, uint8_t* out);
  const uint8_t* public_key() const { return public_key_; }

 private:
  EVP_PKEY_CTX* context_ = nullptr;
  uint8_t public_key_[kX25519Octets];
};

}  // namespace stt

#endif  // STT_CORE_KEY_AGREEMENT_H_
