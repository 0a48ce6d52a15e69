#include "aead.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

namespace stt {

namespace {

/** Looked up once for the process: OpenSSL's own constants make it look them up for every key. Null if it has none. */
const EVP_CIPHER* CipherOf(Suite suite) {
  static const EVP_CIPHER* const kAesGcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const EVP_CIPHER* const kChaCha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return suite == Suite::kAes256Gcm ? kAesGcm : kChaCha;
}

/** Leaves nothing in OpenSSL's queue of errors: whoever of the process looks there next would take it for his own. */
bool Failed() {
  ERR_clear_error();
  return false;
}

void DescribeTag(OSSL_PARAM* params) {
  params[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr, kTagOctets);
  params[1] = OSSL_PARAM_construct_end();
}

int Length(size_t size) { return static_cast<int>(size); }

}  // namespace

bool Sealer::Init(Suite suite, const uint8_t* key) {
  DescribeTag(tag_);
  if (context_ == nullptr) context_ = EVP_CIPHER_CTX_new();
  if (context_ == nullptr || EVP_EncryptInit_ex2(context_, CipherOf(suite), key, nullptr, nullptr) != 1) return Failed();
  return true;
}

bool Sealer::Seal(const uint8_t* nonce, Bytes aad, Bytes head, Bytes body, uint8_t* out) {
  int written;
  if (EVP_EncryptInit_ex2(context_, nullptr, nullptr, nonce, nullptr) != 1) return Failed();
  if (aad.size > 0 && EVP_EncryptUpdate(context_, nullptr, &written, aad.data, Length(aad.size)) != 1) return Failed();
  if (head.size > 0) {
    if (EVP_EncryptUpdate(context_, out, &written, head.data, Length(head.size)) != 1) return Failed();
    out += head.size;
  }
  if (body.size > 0) {
    if (EVP_EncryptUpdate(context_, out, &written, body.data, Length(body.size)) != 1) return Failed();
    out += body.size;
  }
  if (EVP_EncryptFinal_ex(context_, out, &written) != 1) return Failed();
  tag_[0].data = out;
  if (EVP_CIPHER_CTX_get_params(context_, tag_) != 1) return Failed();
  return true;
}

bool Opener::Init(Suite suite, const uint8_t* key) {
  DescribeTag(tag_);
  if (context_ == nullptr) context_ = EVP_CIPHER_CTX_new();
  if (context_ == nullptr || EVP_DecryptInit_ex2(context_, CipherOf(suite), key, nullptr, nullptr) != 1) return Failed();
  return true;
}

bool Opener::Open(const uint8_t* nonce, Bytes aad, Bytes sealed, uint8_t* out) {
  if (sealed.size < kTagOctets) return false;
  const size_t size = sealed.size - kTagOctets;
  int written;
  // OpenSSL only reads it.
  tag_[0].data = const_cast<uint8_t*>(sealed.data + size);
  if (EVP_DecryptInit_ex2(context_, nullptr, nullptr, nonce, tag_) != 1) return Failed();
  if (aad.size > 0 && EVP_DecryptUpdate(context_, nullptr, &written, aad.data, Length(aad.size)) != 1) return Failed();
  if (size > 0 && EVP_DecryptUpdate(context_, out, &written, sealed.data, Length(size)) != 1) return Failed();
  if (EVP_DecryptFinal_ex(context_, out + size, &written) != 1) return Failed();
  return true;
}

bool HeaderMask::Init(Suite suite, const uint8_t* key) {
  is_aes_ = suite == Suite::kAes256Gcm;
  context_ = EVP_CIPHER_CTX_new();
  static const EVP_CIPHER* const kAes = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  static const EVP_CIPHER* const kChaCha = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  const EVP_CIPHER* cipher = is_aes_ ? kAes : kChaCha;
  if (context_ == nullptr || EVP_EncryptInit_ex2(context_, cipher, key, nullptr, nullptr) != 1) return Failed();
  if (is_aes_) EVP_CIPHER_CTX_set_padding(context_, 0);
  return true;
}

bool HeaderMask::Compute(const uint8_t* samples, size_t count, uint8_t* masks) {
  static constexpr uint8_t kZeros[5] = {};
  int written;
  if (is_aes_) {
    if (EVP_EncryptUpdate(context_, masks, &written, samples, Length(count * kSampleOctets)) != 1) return Failed();
    return true;
  }
  for (size_t i = 0; i < count; i++) {
    // The sample is counter and nonce, which is what OpenSSL takes for the IV of ChaCha20.
    if (EVP_EncryptInit_ex2(context_, nullptr, nullptr, samples + i * kSampleOctets, nullptr) != 1) return Failed();
    if (EVP_EncryptUpdate(context_, masks + i * kSampleOctets, &written, kZeros, sizeof kZeros) != 1) return Failed();
  }
  return true;
}

}  // namespace stt
