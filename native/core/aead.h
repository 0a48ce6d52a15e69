#ifndef STT_CORE_AEAD_H_
#define STT_CORE_AEAD_H_

#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstddef>
#include <cstdint>

#include "bytes.h"

// The AEADs of a session and header protection (STT §5), on the OpenSSL that Node exports.
//
// EVP_Cipher() is never used: with ChaCha20-Poly1305 it accepts packets that were tampered with.

namespace stt {

enum class Suite : uint32_t { kAes256Gcm = 1, kChaCha20Poly1305 = 2 };

constexpr size_t kKeyOctets = 32;
constexpr size_t kNonceOctets = 12;
constexpr size_t kTagOctets = 16;
constexpr size_t kSampleOctets = 16;

/** An OpenSSL cipher context, keyed once: keying costs more than a small packet. */
class CipherContext {
 public:
  CipherContext() = default;
  ~CipherContext() { EVP_CIPHER_CTX_free(context_); }
  CipherContext(CipherContext&& other) noexcept : context_(other.context_) { other.context_ = nullptr; }
  CipherContext(const CipherContext&) = delete;
  CipherContext& operator=(const CipherContext&) = delete;

 protected:
  EVP_CIPHER_CTX* context_ = nullptr;
};

/** Seals under one key. */
class Sealer : public CipherContext {
 public:
  /** False if OpenSSL refuses the cipher. `key` has kKeyOctets, and may take the place of one from before. */
  bool Init(Suite suite, const uint8_t* key);
  /**
   * Seals `head || body` to `out`: ciphertext, then the tag. `out` may overlap neither.
   * Two parts, so that a chunk of the application is sealed behind a frame header without being copied first.
   */
  bool Seal(const uint8_t* nonce, Bytes aad, Bytes head, Bytes body, uint8_t* out);

 private:
  OSSL_PARAM tag_[2];
};

/** Opens under one key. */
class Opener : public CipherContext {
 public:
  /** As that of a sealer. */
  bool Init(Suite suite, const uint8_t* key);
  /** Opens ciphertext and tag to `out`. False if the tag is wrong; what was written to `out` must not be used then. */
  bool Open(const uint8_t* nonce, Bytes aad, Bytes sealed, uint8_t* out);

 private:
  OSSL_PARAM tag_[2];
};

/** Header protection of one direction. */
class HeaderMask : public CipherContext {
 public:
  bool Init(Suite suite, const uint8_t* key);
  /** Masks for `count` samples. Of each kSampleOctets in `masks` the first five count. */
  bool Compute(const uint8_t* samples, size_t count, uint8_t* masks);

 private:
  bool is_aes_ = false;
};

}  // namespace stt

#endif  // STT_CORE_AEAD_H_
