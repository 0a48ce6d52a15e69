#include "noise_state.h"

#include <cstring>

namespace stt {

NoiseState::NoiseState(const uint8_t* hash) {
  memcpy(ck_, hash, sizeof ck_);
  memcpy(h_, hash, sizeof h_);
}

NoiseState::~NoiseState() {
  Wipe(ck_, sizeof ck_);
  Wipe(k_, sizeof k_);
}

bool NoiseState::MixHash(Bytes data) {
  const Bytes parts[] = {{h_, sizeof h_}, data};
  return Sha256(parts, 2, h_);
}

bool NoiseState::MixKey(Bytes material) {
  uint8_t key[kHashOctets];
  const bool ok = Hkdf(material, ck_, key, nullptr);
  SetKey(key);
  Wipe(key, sizeof key);
  return ok;
}

bool NoiseState::MixKeyAndHash(Bytes material) {
  uint8_t hash[kHashOctets];
  uint8_t key[kHashOctets];
  const bool ok = Hkdf(material, ck_, hash, key) && MixHash({hash, sizeof hash});
  SetKey(key);
  Wipe(hash, sizeof hash);
  Wipe(key, sizeof key);
  return ok;
}

bool NoiseState::Encrypt(Bytes plaintext, uint8_t* out) {
  if (has_key_) {
    uint8_t nonce[kNonceOctets];
    NextNonce(nonce);
    Sealer sealer;
    if (!sealer.Init(Suite::kChaCha20Poly1305, k_)) return false;
    if (!sealer.Seal(nonce, {h_, sizeof h_}, {}, plaintext, out)) return false;
  } else if (plaintext.size > 0) {
    memcpy(out, plaintext.data, plaintext.size);
  }
  return MixHash({out, plaintext.size + overhead()});
}

bool NoiseState::Decrypt(Bytes sealed, uint8_t* out) {
  if (has_key_) {
    uint8_t nonce[kNonceOctets];
    NextNonce(nonce);
    Opener opener;
    if (!opener.Init(Suite::kChaCha20Poly1305, k_)) return false;
    if (!opener.Open(nonce, {h_, sizeof h_}, sealed, out)) return false;
  } else if (sealed.size > 0) {
    memcpy(out, sealed.data, sealed.size);
  }
  return MixHash(sealed);
}

bool NoiseState::Split(uint8_t* out) {
  memcpy(out, h_, sizeof h_);
  return Hkdf({}, out + kHashOctets, out + 2 * kHashOctets, nullptr);
}

bool NoiseState::Hkdf(Bytes material, uint8_t* first, uint8_t* second, uint8_t* third) {
  static constexpr uint8_t kNumbers[] = {1, 2, 3};
  Hmac& hmac = Hmac::OfThread();
  uint8_t temp[kHashOctets];
  bool ok = hmac.Init({ck_, sizeof ck_}) && hmac.Compute(&material, 1, temp) && hmac.Init({temp, sizeof temp});
  uint8_t* const outputs[] = {first, second, third};
  const uint8_t* previous = nullptr;
  for (size_t i = 0; ok && i < 3 && outputs[i] != nullptr; i++) {
    const Bytes parts[] = {{previous, previous == nullptr ? 0 : kHashOctets}, {&kNumbers[i], 1}};
    ok = hmac.Compute(parts, 2, outputs[i]);
    previous = outputs[i];
  }
  Wipe(temp, sizeof temp);
  return ok;
}

void NoiseState::SetKey(const uint8_t* key) {
  memcpy(k_, key, sizeof k_);
  n_ = 0;
  has_key_ = true;
}

void NoiseState::NextNonce(uint8_t* nonce) {
  // 32 zero bits, then n, little-endian (Noise §12.3).
  memset(nonce, 0, kNonceOctets);
  nonce[4] = n_++;
}

}  // namespace stt
