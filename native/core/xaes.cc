#include "xaes.h"

#include "kdf.h"

namespace stt {

bool XaesSealer::Init(const uint8_t* key) {
  static constexpr uint8_t kZeros[kBlock] = {};
  uint8_t block[kBlock];
  if (!blocks_.Init(Suite::kAes256Gcm, key) || !blocks_.Compute(kZeros, 1, block)) return false;
  // Times x in GF(2^128) (SP 800-38B §6.1), without a branch on a secret bit.
  for (size_t i = 0; i < kBlock; i++) {
    subkey_[i] = static_cast<uint8_t>(block[i] << 1 | (i + 1 < kBlock ? block[i + 1] >> 7 : 0));
  }
  subkey_[kBlock - 1] ^= static_cast<uint8_t>(0x87 & -(block[0] >> 7));
  Wipe(block, sizeof block);
  return true;
}

bool XaesSealer::Seal(const uint8_t* nonce, Bytes aad, Bytes plaintext, uint8_t* out) {
  uint8_t input[2 * kBlock] = {};
  uint8_t key[kKeyOctets];
  for (uint8_t counter = 1; counter <= 2; counter++) {
    uint8_t* const block = input + (counter - 1) * kBlock;
    block[1] = counter;
    block[2] = 'X';
    memcpy(block + 4, nonce, kNonceOctets);
    for (size_t i = 0; i < kBlock; i++) block[i] ^= subkey_[i];
  }
  const bool ok = blocks_.Compute(input, 2, key) && gcm_.Init(Suite::kAes256Gcm, key) &&
                  gcm_.Seal(nonce + kNonceOctets, aad, {}, plaintext, out);
  Wipe(key, sizeof key);
  return ok;
}

}  // namespace stt
