#include "kdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace stt {

namespace {

/** See aead.cc. */
bool Checked(bool ok) {
  if (!ok) ERR_clear_error();
  return ok;
}

struct Sha256Context {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* state = EVP_MD_CTX_new();
  ~Sha256Context() {
    EVP_MD_CTX_free(state);
    EVP_MD_free(algorithm);
  }
};

}  // namespace

bool Sha256(const Bytes* parts, size_t count, uint8_t* out) {
  // Looked up once: that takes OpenSSL longer than to hash a short text.
  thread_local Sha256Context context;
  bool ok = EVP_DigestInit_ex2(context.state, context.algorithm, nullptr) == 1;
  for (size_t i = 0; ok && i < count; i++) ok = EVP_DigestUpdate(context.state, parts[i].data, parts[i].size) == 1;
  return Checked(ok && EVP_DigestFinal_ex(context.state, out, nullptr) == 1);
}

Hmac& Hmac::OfThread() {
  thread_local Hmac hmac;
  return hmac;
}

bool Hmac::Init(Bytes key) {
  static constexpr uint8_t kNoKey[1] = {};
  // An empty key is a key; a null pointer would mean "the key from before".
  const uint8_t* octets = key.size > 0 ? key.data : kNoKey;
  if (context_ != nullptr) return Checked(EVP_MAC_init(context_, octets, key.size, nullptr) == 1);
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (mac == nullptr) return Checked(false);
  context_ = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);
  // OpenSSL only reads it.
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  return Checked(context_ != nullptr && EVP_MAC_init(context_, octets, key.size, params) == 1);
}

bool Hmac::Compute(const Bytes* parts, size_t count, uint8_t* out) {
  bool ok = EVP_MAC_init(context_, nullptr, 0, nullptr) == 1;
  for (size_t i = 0; ok && i < count; i++) ok = EVP_MAC_update(context_, parts[i].data, parts[i].size) == 1;
  size_t written;
  return Checked(ok && EVP_MAC_final(context_, out, &written, kHashOctets) == 1);
}

bool HkdfExtract(Bytes salt, Bytes ikm, uint8_t* out) {
  static constexpr uint8_t kZeros[kHashOctets] = {};
  Hmac& hmac = Hmac::OfThread();
  return hmac.Init(salt.size > 0 ? salt : Bytes{kZeros, sizeof kZeros}) && hmac.Compute(&ikm, 1, out);
}

bool HkdfExpand(Bytes prk, Bytes info, uint8_t* out, size_t size) {
  Hmac& hmac = Hmac::OfThread();
  if (size > kMaxHkdfOctets || !hmac.Init(prk)) return false;
  uint8_t block[kHashOctets];
  size_t previous = 0;
  bool ok = true;
  for (uint8_t index = 1; ok && size > 0; index++) {
    const Bytes parts[] = {{block, previous}, info, {&index, 1}};
    ok = hmac.Compute(parts, 3, block);
    previous = sizeof block;
    const size_t taken = size < sizeof block ? size : sizeof block;
    memcpy(out, block, taken);
    out += taken;
    size -= taken;
  }
  Wipe(block, sizeof block);
  return ok;
}

bool ConstantTimeEqual(const uint8_t* a, const uint8_t* b, size_t size) { return CRYPTO_memcmp(a, b, size) == 0; }

void Wipe(void* data, size_t size) { OPENSSL_cleanse(data, size); }

bool RandomOctets(uint8_t* out, size_t size) { return Checked(RAND_bytes(out, static_cast<int>(size)) == 1); }

}  // namespace stt
