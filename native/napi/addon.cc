#include <node_api.h>
#include <openssl/crypto.h>

#include "exports.h"
#include "napi_support.h"
#include "openssl_symbols.h"
#include "system_probe.h"
#include "udp_socket.h"

namespace stt {

namespace {

/** What a socket of a busy node asks for. */
constexpr int kWantedBuffer = 4 * 1024 * 1024;

napi_value Probe(napi_env env, napi_callback_info) {
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return nullptr;
  const CpuFeatures cpu = ProbeCpu();
  SetProperty(env, result, "openssl", MakeText(env, OpenSSL_version(OPENSSL_VERSION)));
  SetProperty(env, result, "aes", MakeBool(env, cpu.aes));
  SetProperty(env, result, "vaes", MakeBool(env, cpu.vaes));
  SocketOptions options;
  memcpy(options.bind.octets, kMappedPrefix, sizeof kMappedPrefix);
  // Loopback, port chosen by the system: nobody outside can reach it.
  options.bind.octets[12] = 127;
  options.bind.octets[15] = 1;
  options.receive_buffer = options.send_buffer = kWantedBuffer;
  UdpSocket socket;
  const bool is_open = socket.Open(options);
  SetProperty(env, result, "gso", MakeBool(env, is_open && socket.gso()));
  SetProperty(env, result, "gro", MakeBool(env, is_open && socket.gro()));
  SetProperty(env, result, "receiveBufferOctets", MakeNumber(env, is_open ? socket.receive_buffer() : 0));
  SetProperty(env, result, "sendBufferOctets", MakeNumber(env, is_open ? socket.send_buffer() : 0));
  return result;
}

napi_value MakeNames(napi_env env, bool only_missing) {
  napi_value names;
  if (napi_create_array(env, &names) != napi_ok) return nullptr;
  uint32_t count = 0;
  for (const char* name : kOpensslSymbols) {
    if (only_missing && HasSymbol(name)) continue;
    napi_set_element(env, names, count++, MakeText(env, name));
  }
  return names;
}

}  // namespace

napi_value Init(napi_env env, napi_value exports) {
  SetProperty(env, exports, "sourceHash", MakeText(env, STT_SOURCE_HASH));
  SetProperty(env, exports, "opensslSymbols", MakeNames(env, false));
  // A function that is missing would kill the process when it is first called: so nothing is called here.
  SetProperty(env, exports, "missingSymbols", MakeNames(env, true));
  SetFunction(env, exports, "probe", Probe);
  ExportEngine(env, exports);
  ExportCrypto(env, exports);
  ExportCodec(env, exports);
  return exports;
}

}  // namespace stt

NAPI_MODULE_INIT() { return stt::Init(env, exports); }
