#include "napi_support.h"

#include <uv.h>

#include <cstdio>

namespace stt {

void* UnwrapSelf(napi_env env, napi_value self) {
  void* object = nullptr;
  if (napi_unwrap(env, self, &object) == napi_ok && object != nullptr) return object;
  napi_throw_type_error(env, "ERR_INVALID_THIS", "Illegal invocation");
  return nullptr;
}

napi_value MakeSystemError(napi_env env, int number, const char* syscall, const char* address, uint32_t port) {
  const int code = uv_translate_sys_error(number);
  char name[32];
  uv_err_name_r(code, name, sizeof name);
  char message[192];
  if (address[0] == '\0') {
    snprintf(message, sizeof message, "%s %s", syscall, name);
  } else {
    snprintf(message, sizeof message, "%s %s %s:%u", syscall, name, address, port);
  }
  napi_value error;
  napi_create_error(env, MakeText(env, name), MakeText(env, message), &error);
  SetProperty(env, error, "errno", MakeNumber(env, code));
  SetProperty(env, error, "syscall", MakeText(env, syscall));
  if (address[0] != '\0') {
    SetProperty(env, error, "address", MakeText(env, address));
    SetProperty(env, error, "port", MakeU32(env, port));
  }
  return error;
}

bool GetWritable(napi_env env, napi_value value, uint8_t** data, size_t* size) {
  bool is_typed = false;
  napi_typedarray_type type;
  void* begin = nullptr;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed ||
      napi_get_typedarray_info(env, value, &type, size, &begin, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    return ThrowType(env, "A Uint8Array is needed");
  }
  *data = static_cast<uint8_t*>(begin);
  return true;
}

bool GetBytes(napi_env env, napi_value value, Bytes* out) {
  uint8_t* data;
  if (!GetWritable(env, value, &data, &out->size)) return false;
  out->data = data;
  return true;
}

bool GetBytesOf(napi_env env, napi_value value, size_t size, const uint8_t** out) {
  Bytes bytes;
  if (!GetBytes(env, value, &bytes)) return false;
  if (bytes.size != size) return ThrowRange(env, "A Uint8Array of another length is needed");
  *out = bytes.data;
  return true;
}

bool GetU32(napi_env env, napi_value value, uint32_t* out) {
  return napi_get_value_uint32(env, value, out) == napi_ok || ThrowType(env, "A number is needed");
}

bool GetSafe(napi_env env, napi_value value, uint64_t* out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return ThrowType(env, "A number is needed");
  // Written so that NaN fails.
  if (!(number >= 0 && number <= static_cast<double>(kMaxVarint))) {
    return ThrowRange(env, "An integer from 0 to 2^53-1 is needed");
  }
  *out = static_cast<uint64_t>(number);
  return true;
}

bool GetU64(napi_env env, napi_value bigint, uint64_t* out) {
  bool is_lossless = false;
  if (napi_get_value_bigint_uint64(env, bigint, out, &is_lossless) != napi_ok) {
    return ThrowType(env, "A bigint is needed");
  }
  return is_lossless || ThrowRange(env, "A bigint from 0 to 2^64-1 is needed");
}

bool GetBool(napi_env env, napi_value value, bool* out) {
  return napi_get_value_bool(env, value, out) == napi_ok || ThrowType(env, "A boolean is needed");
}

bool GetRange(napi_env env, napi_value array, napi_value begin, napi_value end, Bytes* out) {
  Bytes whole;
  uint64_t first;
  uint64_t last;
  if (!GetBytes(env, array, &whole) || !GetSafe(env, begin, &first) || !GetSafe(env, end, &last)) return false;
  if (first > last || last > whole.size) return ThrowRange(env, "The range is not inside the array");
  *out = {whole.data == nullptr ? nullptr : whole.data + first, static_cast<size_t>(last - first)};
  return true;
}

napi_value MakeBytes(napi_env env, size_t size, uint8_t** data) {
  napi_value buffer;
  napi_value array;
  void* begin = nullptr;
  if (napi_create_arraybuffer(env, size, &begin, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &array) != napi_ok) {
    return nullptr;
  }
  *data = static_cast<uint8_t*>(begin);
  return array;
}

napi_value CopyBytes(napi_env env, Bytes bytes) {
  uint8_t* data;
  napi_value array = MakeBytes(env, bytes.size, &data);
  if (array != nullptr && bytes.size > 0) memcpy(data, bytes.data, bytes.size);
  return array;
}

napi_value MakeU32(napi_env env, uint32_t value) {
  napi_value result = nullptr;
  napi_create_uint32(env, value, &result);
  return result;
}

napi_value MakeNumber(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value MakeBool(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value MakeText(napi_env env, const char* text) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

napi_value Undefined(napi_env env) {
  napi_value result = nullptr;
  napi_get_undefined(env, &result);
  return result;
}

napi_value ThrowRefused(napi_env env) {
  napi_throw_error(env, "ERR_CRYPTO_OPERATION_FAILED", "OpenSSL refused the operation");
  return nullptr;
}

void ExportClass(napi_env env, napi_value exports, const char* name, napi_callback constructor, size_t count,
                 const napi_property_descriptor* methods) {
  napi_value result = nullptr;
  napi_define_class(env, name, NAPI_AUTO_LENGTH, constructor, nullptr, count, methods, &result);
  SetProperty(env, exports, name, result);
}

void SetProperty(napi_env env, napi_value object, const char* name, napi_value value) {
  if (value != nullptr) napi_set_named_property(env, object, name, value);
}

void SetFunction(napi_env env, napi_value object, const char* name, napi_callback function) {
  napi_value value = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  SetProperty(env, object, name, value);
}

}  // namespace stt
