#ifndef STT_NET_SOCKET_ADDRESS_H_
#define STT_NET_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include "address.h"

namespace stt {

/** Room for an address of either family. */
union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/** The operating system's form of an address, for a socket of `family`; its length, 0 if the family cannot say it. */
socklen_t ToSocketAddress(const Address& address, int family, SocketAddress* out);
Address FromSocketAddress(const SocketAddress& address);

}  // namespace stt

#endif  // STT_NET_SOCKET_ADDRESS_H_
