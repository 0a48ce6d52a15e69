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

EVP_PKEY* KeyPair(const uint8_t* private_key, const uint8_t* public_key) {
  EVP_PKEY* key = nullptr;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr);
  // OpenSSL only reads them.
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, const_cast<uint8_t*>(private_key), kX25519Octets),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<uint8_t*>(public_key), kX25519Octets),
      OSSL_PARAM_construct_end(),
  };
  if (context != nullptr && EVP_PKEY_fromdata_init(context) == 1) {
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params);
  }
  EVP_PKEY_CTX_free(context);
  return key;
}

}  // namespace

bool Sha256(const Bytes* parts, size_t count, uint8_t* out) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool ok = context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1;
  for (size_t i = 0; ok && i < count; i++) ok = EVP_DigestUpdate(context, parts[i].data, parts[i].size) == 1;
  ok = ok && EVP_DigestFinal_ex(context, out, nullptr) == 1;
  EVP_MD_CTX_free(context);
  return Checked(ok);
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

bool X25519PublicKey(const uint8_t* private_key, uint8_t* out) {
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, private_key, kX25519Octets);
  size_t size = kX25519Octets;
  const bool ok = key != nullptr && EVP_PKEY_get_raw_public_key(key, out, &size) == 1;
  EVP_PKEY_free(key);
  return Checked(ok);
}

bool X25519(const uint8_t* private_key, const uint8_t* own_public_key, const uint8_t* public_key, uint8_t* out) {
  EVP_PKEY* own = KeyPair(private_key, own_public_key);
  EVP_PKEY* peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, public_key, kX25519Octets);
  EVP_PKEY_CTX* context = own == nullptr || peer == nullptr ? nullptr : EVP_PKEY_CTX_new(own, nullptr);
  size_t size = kX25519Octets;
  // OpenSSL itself refuses a shared secret of zeros.
  const bool ok = context != nullptr && EVP_PKEY_derive_init(context) == 1 &&
                  EVP_PKEY_derive_set_peer(context, peer) == 1 && EVP_PKEY_derive(context, out, &size) == 1;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(peer);
  EVP_PKEY_free(own);
  return Checked(ok);
}

bool ConstantTimeEqual(const uint8_t* a, const uint8_t* b, size_t size) { return CRYPTO_memcmp(a, b, size) == 0; }

void Wipe(void* data, size_t size) { OPENSSL_cleanse(data, size); }

bool RandomOctets(uint8_t* out, size_t size) { return Checked(RAND_bytes(out, static_cast<int>(size)) == 1); }

}  // namespace stt
