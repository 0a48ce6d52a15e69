#include "exports.h"
#include "frame.h"
#include "napi_support.h"

// encodeFrame and parseFrame: the STTFrame codec (STT §3).

namespace stt {

namespace {

napi_value MakeBigint(napi_env env, uint64_t value) {
  napi_value result = nullptr;
  napi_create_bigint_uint64(env, value, &result);
  return result;
}

napi_value EncodeFrameCall(napi_env env, napi_callback_info info) {
  const Arguments<8> args(env, info);
  uint32_t type;
  uint32_t flags;
  const uint8_t* session_id;
  Frame frame;
  if (!GetU32(env, args[0], &type) || !GetU32(env, args[1], &flags) ||
      !GetBytesOf(env, args[2], kSessionIdOctets, &session_id) || !GetU64(env, args[3], &frame.sequence) ||
      !GetU64(env, args[4], &frame.timestamp) || !GetU32(env, args[5], &frame.stream_id) ||
      !GetBytes(env, args[6], &frame.crypto_metadata) || !GetBytes(env, args[7], &frame.payload)) {
    return nullptr;
  }
  if (type > 0xff || flags > 0xff) {
    ThrowRange(env, "Type and flags are octets");
    return nullptr;
  }
  frame.type = static_cast<uint8_t>(type);
  frame.flags = static_cast<uint8_t>(flags);
  memcpy(frame.session_id, session_id, kSessionIdOctets);
  if (FrameBodySize(frame) > kMaxFrameOctets) {
    ThrowRange(env, "The frame is larger than 2 MiB");
    return nullptr;
  }
  uint8_t* out;
  napi_value result = MakeBytes(env, FrameSize(frame), &out);
  if (result != nullptr) EncodeFrame(frame, out);
  return result;
}

napi_value ParseFrameCall(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  Bytes data;
  if (!GetBytes(env, args[0], &data)) return nullptr;
  Frame frame;
  size_t size_read;
  switch (ParseFrame(data, &frame, &size_read)) {
    case FrameStatus::kTruncated:
      return MakeText(env, "truncated");
    case FrameStatus::kMalformed:
      return MakeText(env, "malformed");
    case FrameStatus::kTooLarge:
      return MakeText(env, "too-large");
    case FrameStatus::kOk:
      break;
  }
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return nullptr;
  SetProperty(env, result, "frameType", MakeU32(env, frame.type));
  SetProperty(env, result, "flags", MakeU32(env, frame.flags));
  SetProperty(env, result, "sessionId", CopyBytes(env, {frame.session_id, kSessionIdOctets}));
  SetProperty(env, result, "sequence", MakeBigint(env, frame.sequence));
  SetProperty(env, result, "timestamp", MakeBigint(env, frame.timestamp));
  SetProperty(env, result, "streamId", MakeU32(env, frame.stream_id));
  SetProperty(env, result, "cryptoMetadata", CopyBytes(env, frame.crypto_metadata));
  SetProperty(env, result, "payload", CopyBytes(env, frame.payload));
  SetProperty(env, result, "bytesRead", MakeNumber(env, static_cast<double>(size_read)));
  return result;
}

}  // namespace

void ExportCodec(napi_env env, napi_value exports) {
  SetFunction(env, exports, "encodeFrame", EncodeFrameCall);
  SetFunction(env, exports, "parseFrame", ParseFrameCall);
}

}  // namespace stt
