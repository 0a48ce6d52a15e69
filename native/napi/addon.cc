#include <napi.h>
#include <openssl/crypto.h>

#include "exports.h"
#include "openssl_symbols.h"
#include "system_probe.h"
#include "udp_socket.h"

// The entry of the addon, by node-addon-api. What is called per packet or per batch uses plain Node-API instead (see
// napi_support.h), which spares the wrappers.

namespace stt {

namespace {

/** What a socket of a busy node asks for. */
constexpr int kWantedBuffer = 4 * 1024 * 1024;

Napi::Value Probe(const Napi::CallbackInfo& info) {
  Napi::Object result = Napi::Object::New(info.Env());
  const CpuFeatures cpu = ProbeCpu();
  result.Set("openssl", OpenSSL_version(OPENSSL_VERSION));
  result.Set("aes", cpu.aes);
  result.Set("vaes", cpu.vaes);
  SocketOptions options;
  memcpy(options.bind.octets, kMappedPrefix, sizeof kMappedPrefix);
  // Loopback, port chosen by the system: nobody outside can reach it.
  options.bind.octets[12] = 127;
  options.bind.octets[15] = 1;
  options.receive_buffer = options.send_buffer = kWantedBuffer;
  UdpSocket socket;
  const bool is_open = socket.Open(options);
  result.Set("gso", is_open && socket.gso());
  result.Set("gro", is_open && socket.gro());
  result.Set("receiveBufferOctets", is_open ? socket.receive_buffer() : 0);
  result.Set("sendBufferOctets", is_open ? socket.send_buffer() : 0);
  return result;
}

Napi::Array SymbolNames(Napi::Env env, bool only_missing) {
  Napi::Array names = Napi::Array::New(env);
  for (const char* name : kOpensslSymbols) {
    if (!only_missing || !HasSymbol(name)) names.Set(names.Length(), name);
  }
  return names;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("sourceHash", STT_SOURCE_HASH);
  exports.Set("opensslSymbols", SymbolNames(env, false));
  // A function that is missing would kill the process when it is first called: so nothing is called here.
  exports.Set("missingSymbols", SymbolNames(env, true));
  exports.Set("probe", Napi::Function::New(env, Probe, "probe"));
  ExportEngine(env, exports);
  ExportCrypto(env, exports);
  ExportHandshake(env, exports);
  ExportCodec(env, exports);
  return exports;
}

}  // namespace

}  // namespace stt

using stt::Init;
NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)
