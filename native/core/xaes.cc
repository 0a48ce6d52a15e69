#include "xaes.h"

#include <cstring>

#include "kdf.h"

namespace stt {

template <typename Gcm>
bool XaesGcm<Gcm>::Init(const uint8_t* key) {
  static constexpr uint8_t kZeros[kBlock] = {};
  uint8_t block[kBlock];
  is_derived_ = false;
  if (!blocks_.Init(Suite::kAes256Gcm, key) || !blocks_.Compute(kZeros, 1, block)) return false;
  // Times x in GF(2^128) (SP 800-38B §6.1), without a branch on a secret bit.
  for (size_t i = 0; i < kBlock; i++) {
    subkey_[i] = static_cast<uint8_t>(block[i] << 1 | (i + 1 < kBlock ? block[i + 1] >> 7 : 0));
  }
  subkey_[kBlock - 1] ^= static_cast<uint8_t>(0x87 & -(block[0] >> 7));
  Wipe(block, sizeof block);
  return true;
}

template <typename Gcm>
Gcm* XaesGcm<Gcm>::For(const uint8_t* nonce) {
  if (is_derived_ && memcmp(derived_from_, nonce, kNonceOctets) == 0) return &gcm_;
  uint8_t input[2 * kBlock] = {};
  uint8_t key[kKeyOctets];
  for (uint8_t counter = 1; counter <= 2; counter++) {
    uint8_t* const block = input + (counter - 1) * kBlock;
    block[1] = counter;
    block[2] = 'X';
    memcpy(block + 4, nonce, kNonceOctets);
    for (size_t i = 0; i < kBlock; i++) block[i] ^= subkey_[i];
  }
  is_derived_ = blocks_.Compute(input, 2, key) && gcm_.Init(Suite::kAes256Gcm, key);
  memcpy(derived_from_, nonce, kNonceOctets);
  Wipe(key, sizeof key);
  return is_derived_ ? &gcm_ : nullptr;
}

template class XaesGcm<Sealer>;
template class XaesGcm<Opener>;

bool XaesSealer::Seal(const uint8_t* nonce, Bytes aad, Bytes plaintext, uint8_t* out) {
  Sealer* const gcm = For(nonce);
  return gcm != nullptr && gcm->Seal(nonce + kNonceOctets, aad, {}, plaintext, out);
}

bool XaesOpener::Open(const uint8_t* nonce, Bytes aad, Bytes sealed, uint8_t* out) {
  Opener* const gcm = For(nonce);
  return gcm != nullptr && gcm->Open(nonce + kNonceOctets, aad, sealed, out);
}

}  // namespace stt
