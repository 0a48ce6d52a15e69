#ifndef STT_NAPI_OPENSSL_SYMBOLS_H_
#define STT_NAPI_OPENSSL_SYMBOLS_H_

namespace stt {

/** Every function of OpenSSL that the addon calls. A test compares them with the undefined symbols of the binary. */
constexpr const char* kOpensslSymbols[] = {
    "CRYPTO_memcmp",
    "ERR_clear_error",
    "EVP_CIPHER_CTX_free",
    "EVP_CIPHER_CTX_get_params",
    "EVP_CIPHER_CTX_new",
    "EVP_CIPHER_CTX_set_padding",
    "EVP_CIPHER_fetch",
    "EVP_DecryptFinal_ex",
    "EVP_DecryptInit_ex2",
    "EVP_DecryptUpdate",
    "EVP_DigestFinal_ex",
    "EVP_DigestInit_ex2",
    "EVP_DigestUpdate",
    "EVP_EncryptFinal_ex",
    "EVP_EncryptInit_ex2",
    "EVP_EncryptUpdate",
    "EVP_MAC_CTX_free",
    "EVP_MAC_CTX_new",
    "EVP_MAC_fetch",
    "EVP_MAC_final",
    "EVP_MAC_free",
    "EVP_MAC_init",
    "EVP_MAC_update",
    "EVP_MD_CTX_free",
    "EVP_MD_CTX_new",
    "EVP_MD_fetch",
    "EVP_MD_free",
    "EVP_PKEY_CTX_free",
    "EVP_PKEY_CTX_new",
    "EVP_PKEY_CTX_new_from_name",
    "EVP_PKEY_derive",
    "EVP_PKEY_derive_init",
    "EVP_PKEY_derive_set_peer_ex",
    "EVP_PKEY_free",
    "EVP_PKEY_fromdata",
    "EVP_PKEY_fromdata_init",
    "EVP_PKEY_get_raw_public_key",
    "OPENSSL_cleanse",
    "OSSL_PARAM_construct_end",
    "OSSL_PARAM_construct_octet_string",
    "OSSL_PARAM_construct_utf8_string",
    "OpenSSL_version",
    "RAND_bytes",
};

}  // namespace stt

#endif  // STT_NAPI_OPENSSL_SYMBOLS_H_
