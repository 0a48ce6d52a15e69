#ifndef STT_NAPI_NAPI_SUPPORT_H_
#define STT_NAPI_NAPI_SUPPORT_H_

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bytes.h"

// Values of JavaScript to and from C++. Each Get* answers false and throws a TypeError or RangeError into JavaScript if
// the value is not of the kind. Plain Node-API: wrappers cost more than the calls on the way of every packet.

namespace stt {

/** Arguments of a call, and what the native object behind `this` is. */
template <size_t N>
struct Arguments {
  napi_value values[N > 0 ? N : 1];
  napi_value self = nullptr;

  Arguments(napi_env env, napi_callback_info info) {
    size_t count = N;
    // Missing ones are undefined.
    napi_get_cb_info(env, info, &count, N > 0 ? values : nullptr, &self, nullptr);
  }
  napi_value operator[](size_t index) const { return values[index]; }
};

/** The native object of `this`; null, and a TypeError, if it has none. */
void* UnwrapSelf(napi_env env, napi_value self);

/** Always false: for `return condition || ThrowType(...)`. */
inline bool ThrowType(napi_env env, const char* message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return false;
}

inline bool ThrowRange(napi_env env, const char* message) {
  napi_throw_range_error(env, "ERR_OUT_OF_RANGE", message);
  return false;
}

/** An error like those of Node's own sockets. `address` may be empty. */
napi_value MakeSystemError(napi_env env, int number, const char* syscall, const char* address, uint32_t port);

bool GetBytes(napi_env env, napi_value value, Bytes* out);
/** Likewise, of exactly so many octets. */
bool GetBytesOf(napi_env env, napi_value value, size_t size, const uint8_t** out);
/** The same to write to. */
bool GetWritable(napi_env env, napi_value value, uint8_t** data, size_t* size);
bool GetU32(napi_env env, napi_value value, uint32_t* out);
/** An integer in 0..2^53-1. */
bool GetSafe(napi_env env, napi_value value, uint64_t* out);
bool GetU64(napi_env env, napi_value bigint, uint64_t* out);
bool GetBool(napi_env env, napi_value value, bool* out);
/** Octets `begin..end` of an array. */
bool GetRange(napi_env env, napi_value array, napi_value begin, napi_value end, Bytes* out);

/** A fresh Uint8Array; null, with an exception, if there is no memory. `*data` may be null if `size` is 0. */
napi_value MakeBytes(napi_env env, size_t size, uint8_t** data);
napi_value CopyBytes(napi_env env, Bytes bytes);
napi_value MakeU32(napi_env env, uint32_t value);
napi_value MakeNumber(napi_env env, double value);
napi_value MakeBool(napi_env env, bool value);
napi_value MakeText(napi_env env, const char* text);
napi_value Undefined(napi_env env);

/** OpenSSL has no memory, or a provider configuration without the algorithm. Always null. */
napi_value ThrowRefused(napi_env env);

/** Ties `native` to `object`, which owns it from then on. */
template <typename T>
bool Own(napi_env env, napi_value object, std::unique_ptr<T>* native) {
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_wrap(env, object, native->get(), destroy, nullptr, nullptr) != napi_ok) return false;
  native->release();
  return true;
}

/** A method for `ExportClass`. */
constexpr napi_property_descriptor Method(const char* name, napi_callback function) {
  return {name, nullptr, function, nullptr, nullptr, nullptr, napi_default_method, nullptr};
}

void ExportClass(napi_env env, napi_value exports, const char* name, napi_callback constructor, size_t count,
                 const napi_property_descriptor* methods);
void SetProperty(napi_env env, napi_value object, const char* name, napi_value value);
void SetFunction(napi_env env, napi_value object, const char* name, napi_callback function);

}  // namespace stt

#endif  // STT_NAPI_NAPI_SUPPORT_H_
