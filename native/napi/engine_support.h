#ifndef STT_NAPI_ENGINE_SUPPORT_H_
#define STT_NAPI_ENGINE_SUPPORT_H_

#include "napi_support.h"
#include "udp_socket_wrap.h"

// What the methods of `Engine` share.

namespace stt {

inline EngineWrap* Unwrap(napi_env env, napi_value self) { return static_cast<EngineWrap*>(UnwrapSelf(env, self)); }

inline bool GetId(napi_env env, napi_value value, uint64_t* out) {
  const uint8_t* octets;
  if (!GetBytesOf(env, value, sizeof *out, &octets)) return false;
  *out = Load64(octets);
  return true;
}

inline void ThrowKeysRefused(napi_env env) {
  napi_throw_error(env, "ERR_CRYPTO_OPERATION_FAILED", "OpenSSL refused the keys");
}

}  // namespace stt

#endif  // STT_NAPI_ENGINE_SUPPORT_H_
