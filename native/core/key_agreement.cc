#include "key_agreement.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

namespace stt {

namespace {

/** Leaves nothing in OpenSSL's queue of errors, see aead.cc. */
bool Checked(bool ok) {
  if (!ok) ERR_clear_error();
  return ok;
}

/** Makes keys from octets. One for each thread: its algorithm is looked up once. */
class Importer {
 public:
  Importer() : context_(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr)) {
    if (context_ != nullptr && EVP_PKEY_fromdata_init(context_) != 1) {
      EVP_PKEY_CTX_free(context_);
      context_ = nullptr;
    }
  }
  ~Importer() { EVP_PKEY_CTX_free(context_); }
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  static Importer& OfThread() {
    thread_local Importer importer;
    return importer;
  }

  /** Null if OpenSSL refuses. `part` is OSSL_PKEY_PARAM_PRIV_KEY or OSSL_PKEY_PARAM_PUB_KEY. */
  EVP_PKEY* Import(const char* part, int selection, const uint8_t* octets) {
    if (context_ == nullptr) return nullptr;
    // OpenSSL only reads them.
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(part, const_cast<uint8_t*>(octets), kX25519Octets),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY* key = nullptr;
    return EVP_PKEY_fromdata(context_, &key, selection, params) == 1 ? key : nullptr;
  }

 private:
  EVP_PKEY_CTX* context_;
};

}  // namespace

bool KeyAgreement::Init(const uint8_t* private_key) {
  EVP_PKEY* key = Importer::OfThread().Import(OSSL_PKEY_PARAM_PRIV_KEY, EVP_PKEY_KEYPAIR, private_key);
  size_t size = kX25519Octets;
  bool ok = key != nullptr && EVP_PKEY_get_raw_public_key(key, public_key_, &size) == 1;
  if (ok) context_ = EVP_PKEY_CTX_new(key, nullptr);
  ok = ok && context_ != nullptr && EVP_PKEY_derive_init(context_) == 1;
  // The context keeps it.
  EVP_PKEY_free(key);
  return Checked(ok);
}

bool KeyAgreement::Agree(const uint8_t* peer, uint8_t* out) {
  EVP_PKEY* key = Importer::OfThread().Import(OSSL_PKEY_PARAM_PUB_KEY, EVP_PKEY_PUBLIC_KEY, peer);
  size_t size = kX25519Octets;
  // All 32-octet strings are public keys (RFC 7748 §5), so there is nothing to validate; OpenSSL refuses a secret of zeros.
  const bool ok = key != nullptr && EVP_PKEY_derive_set_peer_ex(context_, key, 0) == 1 &&
                  EVP_PKEY_derive(context_, out, &size) == 1;
  EVP_PKEY_free(key);
  return Checked(ok);
}

}  // namespace stt
