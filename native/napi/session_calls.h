#ifndef STT_NAPI_SESSION_CALLS_H_
#define STT_NAPI_SESSION_CALLS_H_

#include <node_api.h>

// The methods of `Engine` about sessions and their keys.

namespace stt {

napi_value OpenSession(napi_env env, napi_callback_info info);
napi_value CloseSession(napi_env env, napi_callback_info info);
napi_value InstallNextKeys(napi_env env, napi_callback_info info);
napi_value SwitchSendKeys(napi_env env, napi_callback_info info);
napi_value DropOldKeys(napi_env env, napi_callback_info info);
napi_value SetResetToken(napi_env env, napi_callback_info info);
napi_value MarkPath(napi_env env, napi_callback_info info);

}  // namespace stt

#endif  // STT_NAPI_SESSION_CALLS_H_
