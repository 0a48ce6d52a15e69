#ifndef STT_CORE_NOISE_STATE_H_
#define STT_CORE_NOISE_STATE_H_

#include <cstddef>
#include <cstdint>

#include "aead.h"
#include "bytes.h"
#include "kdf.h"

// The SymmetricState of the Noise Protocol Framework (revision 34, §5.2) for ChaChaPoly and SHA256.

namespace stt {

class NoiseState {
 public:
  /** `hash` has kHashOctets: h before anything is mixed in. */
  explicit NoiseState(const uint8_t* hash);
  NoiseState(const NoiseState&) = default;
  NoiseState& operator=(const NoiseState&) = delete;
  ~NoiseState();

  // All are false only if OpenSSL refuses an operation, and Decrypt if the octets are not authentic.

  bool MixHash(Bytes data);
  bool MixKey(Bytes material);
  bool MixKeyAndHash(Bytes material);
  /** Octets that encryption adds now: none before there is a key. */
  size_t overhead() const { return has_key_ ? kTagOctets : 0; }
  /** EncryptAndHash to `out`, which has room for `plaintext` and overhead(). */
  bool Encrypt(Bytes plaintext, uint8_t* out);
  /** DecryptAndHash to `out`, which has room for `sealed` without overhead(); `sealed` is not shorter than that. */
  bool Decrypt(Bytes sealed, uint8_t* out);
  /** h, then the keys of initiator and responder: three times kHashOctets. */
  bool Split(uint8_t* out);

 private:
  /** Outputs of HKDF (§4.3), kHashOctets each; `third` may be null. */
  bool Hkdf(Bytes material, uint8_t* first, uint8_t* second, uint8_t* third);
  void SetKey(const uint8_t* key);
  void NextNonce(uint8_t* nonce);

  uint8_t ck_[kHashOctets];
  uint8_t h_[kHashOctets];
  uint8_t k_[kKeyOctets] = {};
  /** A handshake never gets past one octet of it. */
  uint8_t n_ = 0;
  bool has_key_ = false;
};

}  // namespace stt

#endif  // STT_CORE_NOISE_STATE_H_
