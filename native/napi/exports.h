#ifndef STT_NAPI_EXPORTS_H_
#define STT_NAPI_EXPORTS_H_

#include <node_api.h>

// What the files of this directory add to the exports of the addon.

namespace stt {

void ExportEngine(napi_env env, napi_value exports);
void ExportCrypto(napi_env env, napi_value exports);
void ExportHandshake(napi_env env, napi_value exports);
void ExportCodec(napi_env env, napi_value exports);

}  // namespace stt

#endif  // STT_NAPI_EXPORTS_H_
