#include <memory>

#include "exports.h"
#include "key_agreement.h"
#include "napi_support.h"
#include "noise_state.h"

// KeyAgreement and NoiseState: what a handshake computes with, see `KeyPair` and `NoiseState` of lib/ports/crypto.ts.

namespace stt {

namespace {

/** Of objects that are given as arguments; `this` is checked by V8. */
constexpr napi_type_tag kNoiseStateTag = {0x7c1f2b1d5a0e4c63, 0x9d3a6f84b2e15077};

napi_value NewKeyAgreement(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  const uint8_t* private_key;
  if (!GetBytesOf(env, args[0], kX25519Octets, &private_key)) return nullptr;
  auto agreement = std::make_unique<KeyAgreement>();
  if (!agreement->Init(private_key)) return ThrowRefused(env);
  return Own(env, args.self, &agreement) ? args.self : nullptr;
}

napi_value PublicKeyCall(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  auto* agreement = static_cast<KeyAgreement*>(UnwrapSelf(env, args.self));
  return agreement == nullptr ? nullptr : CopyBytes(env, {agreement->public_key(), kX25519Octets});
}

napi_value AgreeCall(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  auto* agreement = static_cast<KeyAgreement*>(UnwrapSelf(env, args.self));
  const uint8_t* peer;
  if (agreement == nullptr || !GetBytesOf(env, args[0], kX25519Octets, &peer)) return nullptr;
  uint8_t secret[kX25519Octets];
  napi_value result = agreement->Agree(peer, secret) ? CopyBytes(env, {secret, sizeof secret}) : Undefined(env);
  Wipe(secret, sizeof secret);
  return result;
}

/** Frees the key now rather than when the object is collected. Nothing else may be called afterwards. */
napi_value DestroyCall(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  void* agreement = nullptr;
  if (napi_remove_wrap(env, args.self, &agreement) == napi_ok) delete static_cast<KeyAgreement*>(agreement);
  return nullptr;
}

/** From 32 octets of hash, or as a copy of another. */
napi_value NewNoiseState(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  bool is_other = false;
  void* other = nullptr;
  napi_valuetype type;
  if (napi_typeof(env, args[0], &type) == napi_ok && type == napi_object) {
    napi_check_object_type_tag(env, args[0], &kNoiseStateTag, &is_other);
  }
  std::unique_ptr<NoiseState> state;
  const uint8_t* hash;
  if (is_other && napi_unwrap(env, args[0], &other) == napi_ok) {
    state = std::make_unique<NoiseState>(*static_cast<NoiseState*>(other));
  } else if (GetBytesOf(env, args[0], kHashOctets, &hash)) {
    state = std::make_unique<NoiseState>(hash);
  } else {
    return nullptr;
  }
  if (!Own(env, args.self, &state)) return nullptr;
  return napi_type_tag_object(env, args.self, &kNoiseStateTag) == napi_ok ? args.self : nullptr;
}

/** One octet string in, nothing out. */
template <bool (NoiseState::*kMix)(Bytes)>
napi_value MixCall(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  auto* state = static_cast<NoiseState*>(UnwrapSelf(env, args.self));
  Bytes data;
  if (state == nullptr || !GetBytes(env, args[0], &data)) return nullptr;
  return (state->*kMix)(data) ? nullptr : ThrowRefused(env);
}

/** As many octets as OpenSSL takes at once, and more than any Noise message has. */
constexpr size_t kMaxOctets = size_t{1} << 30;

napi_value EncryptCall(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  auto* state = static_cast<NoiseState*>(UnwrapSelf(env, args.self));
  Bytes plaintext;
  if (state == nullptr || !GetBytes(env, args[0], &plaintext)) return nullptr;
  if (plaintext.size > kMaxOctets) {
    ThrowRange(env, "More than 1 GiB");
    return nullptr;
  }
  uint8_t* out;
  napi_value result = MakeBytes(env, plaintext.size + state->overhead(), &out);
  if (result == nullptr) return nullptr;
  return state->Encrypt(plaintext, out) ? result : ThrowRefused(env);
}

napi_value DecryptCall(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  auto* state = static_cast<NoiseState*>(UnwrapSelf(env, args.self));
  Bytes sealed;
  if (state == nullptr || !GetBytes(env, args[0], &sealed)) return nullptr;
  if (sealed.size < state->overhead() || sealed.size > kMaxOctets) return Undefined(env);
  const size_t size = sealed.size - state->overhead();
  uint8_t* out;
  napi_value result = MakeBytes(env, size, &out);
  if (result == nullptr) return nullptr;
  if (state->Decrypt(sealed, out)) return result;
  if (out != nullptr) Wipe(out, size);
  return Undefined(env);
}

napi_value SplitCall(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  auto* state = static_cast<NoiseState*>(UnwrapSelf(env, args.self));
  if (state == nullptr) return nullptr;
  uint8_t* out;
  napi_value result = MakeBytes(env, 3 * kHashOctets, &out);
  if (result == nullptr) return nullptr;
  return state->Split(out) ? result : ThrowRefused(env);
}

}  // namespace

void ExportHandshake(napi_env env, napi_value exports) {
  const napi_property_descriptor agreement_methods[] = {
      Method("publicKey", PublicKeyCall),
      Method("agree", AgreeCall),
      Method("destroy", DestroyCall),
  };
  ExportClass(env, exports, "KeyAgreement", NewKeyAgreement, 3, agreement_methods);
  const napi_property_descriptor state_methods[] = {
      Method("mixHash", MixCall<&NoiseState::MixHash>),
      Method("mixKey", MixCall<&NoiseState::MixKey>),
      Method("mixKeyAndHash", MixCall<&NoiseState::MixKeyAndHash>),
      Method("encrypt", EncryptCall),
      Method("decrypt", DecryptCall),
      Method("split", SplitCall),
  };
  ExportClass(env, exports, "NoiseState", NewNoiseState, 6, state_methods);
}

}  // namespace stt
