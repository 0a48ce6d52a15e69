#ifndef STT_CORE_KDF_H_
#define STT_CORE_KDF_H_

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>

#include "bytes.h"

// Hash, MAC and key derivation on OpenSSL.

namespace stt {

constexpr size_t kHashOctets = 32;
/** RFC 5869 §2.3. */
constexpr size_t kMaxHkdfOctets = 255 * kHashOctets;

/** SHA-256 over the parts in a row. */
bool Sha256(const Bytes* parts, size_t count, uint8_t* out);

/** HMAC-SHA-256 under the key that was set last. */
class Hmac {
 public:
  Hmac() = default;
  ~Hmac() { EVP_MAC_CTX_free(context_); }
  Hmac(Hmac&& other) noexcept : context_(other.context_) { other.context_ = nullptr; }
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;

  /**
   * One for each thread, for keys that are used once: to look the algorithm up and to allocate its state takes OpenSSL
   * longer than to compute a short HMAC.
   */
  static Hmac& OfThread();

  bool Init(Bytes key);
  bool Compute(const Bytes* parts, size_t count, uint8_t* out);

 private:
  EVP_MAC_CTX* context_ = nullptr;
};

/** RFC 5869; an empty salt is kHashOctets zeros. */
bool HkdfExtract(Bytes salt, Bytes ikm, uint8_t* out);
/** `size` <= kMaxHkdfOctets. */
bool HkdfExpand(Bytes prk, Bytes info, uint8_t* out, size_t size);

/** Takes as long whatever the octets are. */
bool ConstantTimeEqual(const uint8_t* a, const uint8_t* b, size_t size);

/** Overwrites in a way that no compiler leaves out. */
void Wipe(void* data, size_t size);

/** Octets nobody can guess; false if the system has none. */
bool RandomOctets(uint8_t* out, size_t size);

}  // namespace stt

#endif  // STT_CORE_KDF_H_
