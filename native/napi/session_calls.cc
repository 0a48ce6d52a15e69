#include "session_calls.h"

#include <cstring>
#include <memory>
#include <utility>

#include "engine_support.h"

namespace stt {

namespace {

bool GetKeys(napi_env env, const napi_value* values, DirectionKeys* out) {
  return GetBytesOf(env, values[0], kKeyOctets, &out->key) && GetBytesOf(env, values[1], kNonceOctets, &out->iv) &&
         GetBytesOf(env, values[2], kKeyOctets, &out->hp);
}

/** The session of a slot, the only argument; null if there is none. */
Session* SessionArgument(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  if (wrap == nullptr || !GetU32(env, args[0], &slot)) return nullptr;
  return wrap->core().sessions().At(slot);
}

}  // namespace

napi_value OpenSession(napi_env env, napi_callback_info info) {
  const Arguments<9> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint64_t id;
  uint32_t suite;
  DirectionKeys send;
  DirectionKeys receive;
  uint64_t forgery_limit;
  if (wrap == nullptr || !GetId(env, args[0], &id) || !GetU32(env, args[1], &suite) ||
      !GetKeys(env, args.values + 2, &send) || !GetKeys(env, args.values + 5, &receive) ||
      !GetSafe(env, args[8], &forgery_limit)) {
    return nullptr;
  }
  if (suite != 1 && suite != 2) {
    ThrowRange(env, "Unknown suite");
    return nullptr;
  }
  SessionTable& sessions = wrap->core().sessions();
  if (!wrap->is_open() || sessions.Find(id) != SessionTable::kNone) return MakeNumber(env, -1);
  auto session = std::make_unique<Session>();
  session->id = id;
  session->forgeries_left = static_cast<int64_t>(forgery_limit);
  if (!session->Init(static_cast<Suite>(suite), send, receive)) {
    napi_throw_error(env, "ERR_CRYPTO_OPERATION_FAILED", "OpenSSL refused the suite");
    return nullptr;
  }
  return MakeU32(env, sessions.Add(std::move(session)));
}

napi_value CloseSession(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  if (wrap == nullptr || !GetU32(env, args[0], &slot)) return nullptr;
  wrap->core().sessions().Remove(slot);
  wrap->core().SettleIfIdle();
  return nullptr;
}

napi_value InstallNextKeys(napi_env env, napi_callback_info info) {
  const Arguments<5> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  const uint8_t* send_key;
  const uint8_t* send_iv;
  const uint8_t* receive_key;
  const uint8_t* receive_iv;
  if (wrap == nullptr || !GetU32(env, args[0], &slot) || !GetBytesOf(env, args[1], kKeyOctets, &send_key) ||
      !GetBytesOf(env, args[2], kNonceOctets, &send_iv) || !GetBytesOf(env, args[3], kKeyOctets, &receive_key) ||
      !GetBytesOf(env, args[4], kNonceOctets, &receive_iv)) {
    return nullptr;
  }
  Session* const session = wrap->core().sessions().At(slot);
  if (session == nullptr) return MakeBool(env, false);
  const Session::NextKeys result = session->InstallNext(send_key, send_iv, receive_key, receive_iv);
  if (result == Session::NextKeys::kRefused) {
    ThrowKeysRefused(env);
    return nullptr;
  }
  return MakeBool(env, result == Session::NextKeys::kInstalled);
}

napi_value SwitchSendKeys(napi_env env, napi_callback_info info) {
  Session* const session = SessionArgument(env, info);
  if (session != nullptr) session->SwitchSend();
  return nullptr;
}

napi_value DropOldKeys(napi_env env, napi_callback_info info) {
  Session* const session = SessionArgument(env, info);
  if (session != nullptr) session->DropOld();
  return nullptr;
}

napi_value SetResetToken(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  const uint8_t* token;
  if (wrap == nullptr || !GetU32(env, args[0], &slot) || !GetBytesOf(env, args[1], kResetTokenOctets, &token)) {
    return nullptr;
  }
  Session* session = wrap->core().sessions().At(slot);
  if (session == nullptr) return nullptr;
  memcpy(session->reset_token, token, kResetTokenOctets);
  session->has_reset_token = true;
  return nullptr;
}

napi_value MarkPath(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  uint32_t path;
  if (wrap == nullptr || !GetU32(env, args[0], &slot) || !GetU32(env, args[1], &path)) return nullptr;
  Session* const session = wrap->core().sessions().At(slot);
  if (session != nullptr) session->marked_path = path;
  return nullptr;
}

}  // namespace stt
