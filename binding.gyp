{
  "variables": {
    # Each layer sees the headers of the layers below it only (docs/architecture.md, rule 1).
    "core_dirs": ["native/core"],
    "net_dirs": ["native/core", "native/net"],
    "napi_dirs": ["native/core", "native/net", "native/napi"],
    # Node's headers of OpenSSL, Node-API and libuv come together. With the include guards of the latter two defined
    # from the start, a file of these layers that includes them gets nothing and does not compile.
    "no_napi_no_uv": ["SRC_NODE_API_H_", "SRC_JS_NATIVE_API_H_", "UV_H"],
  },
  "target_defaults": {
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++17", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
      "GCC_ENABLE_CPP_RTTI": "NO",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
    },
  },
  "conditions": [
    [
      "OS=='win'",
      # No socket layer for Windows yet: nothing is built, and the package uses its JS backend.
      { "targets": [{ "target_name": "stt", "type": "none" }] },
      {
        "targets": [
          {
            "target_name": "stt_core",
            "type": "static_library",
            "include_dirs": ["<@(core_dirs)"],
            "defines": ["<@(no_napi_no_uv)"],
            "sources": [
              "native/core/aead.cc",
              "native/core/cookie_guard.cc",
              "native/core/frame.cc",
              "native/core/handshake_filter.cc",
              "native/core/kdf.cc",
              "native/core/key_agreement.cc",
              "native/core/noise_state.cc",
              "native/core/packet.cc",
              "native/core/packet_engine.cc",
              "native/core/path_table.cc",
              "native/core/receive_batch.cc",
              "native/core/session_table.cc",
              "native/core/transmit_slab.cc",
              "native/core/xaes.cc",
            ],
          },
          {
            "target_name": "stt_net",
            "type": "static_library",
            "include_dirs": ["<@(net_dirs)"],
            "defines": ["<@(no_napi_no_uv)"],
            "sources": [
              "native/net/busy_poll.cc",
              "native/net/freed_memory.cc",
              "native/net/socket_address.cc",
              "native/net/system_probe.cc",
              "native/net/udp_socket.cc",
            ],
            "conditions": [
              [
                "OS=='linux'",
                { "sources": ["native/net/udp_socket_linux.cc"] },
                { "sources": ["native/net/udp_socket_posix.cc"] },
              ],
            ],
          },
          {
            "target_name": "stt",
            "dependencies": ["stt_core", "stt_net"],
            "include_dirs": ["<@(napi_dirs)", "<!@(node -p \"require('node-addon-api').include_dir\")"],
            "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "STT_SOURCE_HASH=\"<!(node scripts/source-hash.mjs)\""],
            "sources": [
              "native/napi/addon.cc",
              "native/napi/codec_wrap.cc",
              "native/napi/engine_calls.cc",
              "native/napi/session_calls.cc",
              "native/napi/handshake_wrap.cc",
              "native/napi/napi_support.cc",
              "native/napi/stc_wrap.cc",
              "native/napi/udp_socket_wrap.cc",
            ],
          },
        ],
      },
    ],
  ],
}
