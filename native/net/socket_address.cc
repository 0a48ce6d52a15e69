#include "socket_address.h"

#include "bytes.h"

namespace stt {

socklen_t ToSocketAddress(const Address& address, int family, SocketAddress* out) {
  memset(out, 0, sizeof *out);
  const uint16_t port = htons(Load16(address.octets + kPortAt));
  if (family == AF_INET) {
    if (!IsIPv4(address)) return 0;
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = port;
    memcpy(&out->v4.sin_addr, address.octets + sizeof kMappedPrefix, 4);
    return sizeof out->v4;
  }
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = port;
  memcpy(&out->v6.sin6_addr, address.octets, 16);
  out->v6.sin6_scope_id = Load32(address.octets + kScopeAt);
  return sizeof out->v6;
}

Address FromSocketAddress(const SocketAddress& address) {
  Address result = {};
  if (address.any.sa_family == AF_INET6) {
    memcpy(result.octets, &address.v6.sin6_addr, 16);
    Store16(result.octets + kPortAt, ntohs(address.v6.sin6_port));
    Store32(result.octets + kScopeAt, address.v6.sin6_scope_id);
  } else {
    memcpy(result.octets, kMappedPrefix, sizeof kMappedPrefix);
    memcpy(result.octets + sizeof kMappedPrefix, &address.v4.sin_addr, 4);
    Store16(result.octets + kPortAt, ntohs(address.v4.sin_port));
  }
  return result;
}

}  // namespace stt
