#include <memory>
#include <new>
#include <vector>

#include "aead.h"
#include "exports.h"
#include "kdf.h"
#include "napi_support.h"
#include "xaes.h"

// The primitives of lib/stc/native-provider.ts.

namespace stt {

namespace {

bool GetSuite(napi_env env, napi_value value, Suite* out) {
  uint32_t number;
  if (!GetU32(env, value, &number)) return false;
  if (number != 1 && number != 2) return ThrowRange(env, "Unknown suite");
  *out = static_cast<Suite>(number);
  return true;
}

bool GetParts(napi_env env, napi_value value, std::vector<Bytes>* out) {
  uint32_t count;
  if (napi_get_array_length(env, value, &count) != napi_ok) return ThrowType(env, "An array is needed");
  out->resize(count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value part;
    if (napi_get_element(env, value, i, &part) != napi_ok || !GetBytes(env, part, &(*out)[i])) return false;
  }
  return true;
}

napi_value Sha256Call(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  std::vector<Bytes> parts;
  if (!GetParts(env, args[0], &parts)) return nullptr;
  uint8_t digest[kHashOctets];
  return Sha256(parts.data(), parts.size(), digest) ? CopyBytes(env, {digest, sizeof digest}) : ThrowRefused(env);
}

napi_value HmacSha256Call(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  Bytes key;
  std::vector<Bytes> parts;
  if (!GetBytes(env, args[0], &key) || !GetParts(env, args[1], &parts)) return nullptr;
  uint8_t mac[kHashOctets];
  Hmac& hmac = Hmac::OfThread();
  if (!hmac.Init(key) || !hmac.Compute(parts.data(), parts.size(), mac)) return ThrowRefused(env);
  return CopyBytes(env, {mac, sizeof mac});
}

napi_value HkdfExtractCall(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  Bytes salt;
  Bytes ikm;
  if (!GetBytes(env, args[0], &salt) || !GetBytes(env, args[1], &ikm)) return nullptr;
  uint8_t prk[kHashOctets];
  napi_value result = HkdfExtract(salt, ikm, prk) ? CopyBytes(env, {prk, sizeof prk}) : ThrowRefused(env);
  Wipe(prk, sizeof prk);
  return result;
}

napi_value HkdfExpandCall(napi_env env, napi_callback_info info) {
  const Arguments<3> args(env, info);
  Bytes prk;
  Bytes material;
  uint64_t size;
  if (!GetBytes(env, args[0], &prk) || !GetBytes(env, args[1], &material) || !GetSafe(env, args[2], &size)) {
    return nullptr;
  }
  if (size > kMaxHkdfOctets) {
    ThrowRange(env, "HKDF-SHA-256 gives 8,160 octets at most");
    return nullptr;
  }
  uint8_t* out;
  napi_value result = MakeBytes(env, static_cast<size_t>(size), &out);
  if (result == nullptr) return nullptr;
  return HkdfExpand(prk, material, out, static_cast<size_t>(size)) ? result : ThrowRefused(env);
}

// Lengths are ints inside OpenSSL.
constexpr size_t kMaxAeadOctets = size_t{1} << 30;

bool CheckAeadSize(napi_env env, Bytes aad, Bytes octets) {
  return (aad.size <= kMaxAeadOctets && octets.size <= kMaxAeadOctets) || ThrowRange(env, "More than 1 GiB");
}

/** Suite, key, nonce, aad, octets. */
struct AeadArguments {
  Suite suite;
  const uint8_t* key;
  const uint8_t* nonce;
  Bytes aad;
  Bytes octets;

  bool Get(napi_env env, napi_callback_info info) {
    const Arguments<5> args(env, info);
    return GetSuite(env, args[0], &suite) && GetBytesOf(env, args[1], kKeyOctets, &key) &&
           GetBytesOf(env, args[2], kNonceOctets, &nonce) && GetBytes(env, args[3], &aad) &&
           GetBytes(env, args[4], &octets) && CheckAeadSize(env, aad, octets);
  }
};

napi_value SealAeadCall(napi_env env, napi_callback_info info) {
  AeadArguments args;
  if (!args.Get(env, info)) return nullptr;
  Sealer sealer;
  uint8_t* out;
  napi_value result = MakeBytes(env, args.octets.size + kTagOctets, &out);
  if (result == nullptr) return nullptr;
  if (!sealer.Init(args.suite, args.key) || !sealer.Seal(args.nonce, args.aad, {}, args.octets, out)) {
    return ThrowRefused(env);
  }
  return result;
}

napi_value OpenAeadCall(napi_env env, napi_callback_info info) {
  AeadArguments args;
  if (!args.Get(env, info)) return nullptr;
  if (args.octets.size < kTagOctets) return Undefined(env);
  Opener opener;
  uint8_t* out;
  napi_value result = MakeBytes(env, args.octets.size - kTagOctets, &out);
  if (result == nullptr) return nullptr;
  if (!opener.Init(args.suite, args.key)) return ThrowRefused(env);
  if (opener.Open(args.nonce, args.aad, args.octets, out)) return result;
  if (out != nullptr) Wipe(out, args.octets.size - kTagOctets);
  return Undefined(env);
}

napi_value EqualCall(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  Bytes a;
  Bytes b;
  if (!GetBytes(env, args[0], &a) || !GetBytes(env, args[1], &b)) return nullptr;
  return MakeBool(env, a.size == b.size && (a.size == 0 || ConstantTimeEqual(a.data, b.data, a.size)));
}

/** PacketCipher of lib/ports/crypto.ts. */
struct PacketCipher {
  Sealer sealer;
  Opener opener;
};

/** Octets of an array from `begin` on, at least `size`. */
bool GetRoom(napi_env env, napi_value array, napi_value begin, size_t size, uint8_t** out) {
  uint8_t* data;
  size_t length;
  uint64_t at;
  if (!GetWritable(env, array, &data, &length) || !GetSafe(env, begin, &at)) return false;
  if (at > length || length - at < size) return ThrowRange(env, "There is too little room in the array");
  *out = data + at;
  return true;
}

napi_value PacketSealCall(napi_env env, napi_callback_info info) {
  const Arguments<6> args(env, info);
  auto* cipher = static_cast<PacketCipher*>(UnwrapSelf(env, args.self));
  const uint8_t* nonce;
  Bytes aad;
  Bytes head;
  Bytes body;
  uint8_t* out;
  if (cipher == nullptr || !GetBytesOf(env, args[0], kNonceOctets, &nonce) || !GetBytes(env, args[1], &aad) ||
      !GetBytes(env, args[2], &head) || !GetBytes(env, args[3], &body) ||
      !GetRoom(env, args[4], args[5], head.size + body.size + kTagOctets, &out)) {
    return nullptr;
  }
  if (!cipher->sealer.Seal(nonce, aad, head, body, out)) return ThrowRefused(env);
  return MakeNumber(env, static_cast<double>(head.size + body.size + kTagOctets));
}

napi_value PacketOpenCall(napi_env env, napi_callback_info info) {
  const Arguments<5> args(env, info);
  auto* cipher = static_cast<PacketCipher*>(UnwrapSelf(env, args.self));
  const uint8_t* nonce;
  Bytes aad;
  Bytes sealed;
  if (cipher == nullptr || !GetBytesOf(env, args[0], kNonceOctets, &nonce) || !GetBytes(env, args[1], &aad) ||
      !GetBytes(env, args[2], &sealed)) {
    return nullptr;
  }
  if (sealed.size < kTagOctets) return MakeBool(env, false);
  uint8_t* out;
  if (!GetRoom(env, args[3], args[4], sealed.size - kTagOctets, &out)) return nullptr;
  return MakeBool(env, cipher->opener.Open(nonce, aad, sealed, out));
}

napi_value MaskCall(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  auto* mask = static_cast<HeaderMask*>(UnwrapSelf(env, args.self));
  const uint8_t* sample;
  if (mask == nullptr || !GetBytesOf(env, args[0], kSampleOctets, &sample)) return nullptr;
  uint8_t octets[kSampleOctets];
  return mask->Compute(sample, 1, octets) ? CopyBytes(env, {octets, 5}) : ThrowRefused(env);
}

/** XaesCipher of lib/ports/crypto.ts. */
struct XaesCipher {
  XaesSealer sealer;
  XaesOpener opener;
};

/** Nonce, aad, octets, and where the result goes. */
struct XaesArguments {
  const uint8_t* nonce;
  Bytes aad;
  Bytes octets;

  bool Get(napi_env env, const Arguments<5>& args) {
    return GetBytesOf(env, args[0], kXaesNonceOctets, &nonce) && GetBytes(env, args[1], &aad) &&
           GetBytes(env, args[2], &octets) && CheckAeadSize(env, aad, octets);
  }
};

napi_value XaesSealCall(napi_env env, napi_callback_info info) {
  const Arguments<5> args(env, info);
  auto* cipher = static_cast<XaesCipher*>(UnwrapSelf(env, args.self));
  XaesArguments in;
  uint8_t* out;
  if (cipher == nullptr || !in.Get(env, args) ||
      !GetRoom(env, args[3], args[4], in.octets.size + kTagOctets, &out)) {
    return nullptr;
  }
  if (!cipher->sealer.Seal(in.nonce, in.aad, in.octets, out)) return ThrowRefused(env);
  return MakeNumber(env, static_cast<double>(in.octets.size + kTagOctets));
}

napi_value XaesOpenCall(napi_env env, napi_callback_info info) {
  const Arguments<5> args(env, info);
  auto* cipher = static_cast<XaesCipher*>(UnwrapSelf(env, args.self));
  XaesArguments in;
  if (cipher == nullptr || !in.Get(env, args)) return nullptr;
  if (in.octets.size < kTagOctets) return MakeBool(env, false);
  uint8_t* out;
  const size_t size = in.octets.size - kTagOctets;
  if (!GetRoom(env, args[3], args[4], size, &out)) return nullptr;
  const bool is_authentic = cipher->opener.Open(in.nonce, in.aad, in.octets, out);
  if (!is_authentic && size > 0) Wipe(out, size);
  return MakeBool(env, is_authentic);
}

napi_value NewXaesCipher(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  const uint8_t* key;
  if (!GetBytesOf(env, args[0], kKeyOctets, &key)) return nullptr;
  auto cipher = std::make_unique<XaesCipher>();
  if (!cipher->sealer.Init(key) || !cipher->opener.Init(key)) return ThrowRefused(env);
  return Own(env, args.self, &cipher) ? args.self : nullptr;
}

napi_value NewPacketCipher(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  Suite suite;
  const uint8_t* key;
  if (!GetSuite(env, args[0], &suite) || !GetBytesOf(env, args[1], kKeyOctets, &key)) return nullptr;
  auto cipher = std::make_unique<PacketCipher>();
  if (!cipher->sealer.Init(suite, key) || !cipher->opener.Init(suite, key)) return ThrowRefused(env);
  return Own(env, args.self, &cipher) ? args.self : nullptr;
}

napi_value NewHeaderCipher(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  Suite suite;
  const uint8_t* key;
  if (!GetSuite(env, args[0], &suite) || !GetBytesOf(env, args[1], kKeyOctets, &key)) return nullptr;
  auto mask = std::make_unique<HeaderMask>();
  if (!mask->Init(suite, key)) return ThrowRefused(env);
  return Own(env, args.self, &mask) ? args.self : nullptr;
}

}  // namespace

void ExportCrypto(napi_env env, napi_value exports) {
  SetFunction(env, exports, "sha256", Sha256Call);
  SetFunction(env, exports, "hmacSha256", HmacSha256Call);
  SetFunction(env, exports, "hkdfExtract", HkdfExtractCall);
  SetFunction(env, exports, "hkdfExpand", HkdfExpandCall);
  SetFunction(env, exports, "sealAead", SealAeadCall);
  SetFunction(env, exports, "openAead", OpenAeadCall);
  SetFunction(env, exports, "equal", EqualCall);
  const napi_property_descriptor packet_methods[] = {Method("seal", PacketSealCall), Method("open", PacketOpenCall)};
  ExportClass(env, exports, "PacketCipher", NewPacketCipher, 2, packet_methods);
  const napi_property_descriptor xaes_methods[] = {Method("seal", XaesSealCall), Method("open", XaesOpenCall)};
  ExportClass(env, exports, "XaesCipher", NewXaesCipher, 2, xaes_methods);
  const napi_property_descriptor header_methods[] = {Method("mask", MaskCall)};
  ExportClass(env, exports, "HeaderCipher", NewHeaderCipher, 1, header_methods);
}

}  // namespace stt
