#include "udp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "socket_address.h"

namespace stt {

namespace {

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

int GetOption(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

/** Asks for a buffer past the limit for ordinary users first, and never makes it smaller. */
void GrowBuffer(int fd, int name, int forced_name, int wanted) {
  if (wanted <= GetOption(fd, name)) return;
  if (setsockopt(fd, SOL_SOCKET, forced_name, &wanted, sizeof wanted) == 0) return;
  // Some systems refuse what is over their limit in place of giving less.
  for (int size = wanted; size > GetOption(fd, name); size /= 2) {
    if (setsockopt(fd, SOL_SOCKET, name, &size, sizeof size) == 0) return;
  }
}

#ifdef SO_RCVBUFFORCE
constexpr int kForcedReceiveBuffer = SO_RCVBUFFORCE;
constexpr int kForcedSendBuffer = SO_SNDBUFFORCE;
#else
constexpr int kForcedReceiveBuffer = SO_RCVBUF;
constexpr int kForcedSendBuffer = SO_SNDBUF;
#endif

int MakeSocket(int family) {
#ifdef SOCK_NONBLOCK
  return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
  const int fd = socket(family, SOCK_DGRAM, 0);
  if (fd >= 0) {
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return fd;
#endif
}

/**
 * Datagrams are never cut on their way: what is too large for a path has to be noticed (RFC 9000 §14). False if the
 * system cannot see to that, for every family that the socket serves.
 */
bool ForbidFragmentation(int fd, int family, bool ipv6_only) {
#if defined(IP_PMTUDISC_PROBE)
  // As PROBE, the kernel does not believe forged ICMP messages either: the session finds the MTU itself.
  (void)ipv6_only;
  const bool is_set = SetOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  return family == AF_INET ? is_set : SetOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) && is_set;
#elif defined(IP_DONTFRAG)
  if (family == AF_INET) return SetOption(fd, IPPROTO_IP, IP_DONTFRAG, 1);
#ifdef IPV6_DONTFRAG
  // It does not reach the IPv4 packets of such a socket.
  return SetOption(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1) && ipv6_only;
#endif
#endif
  (void)fd;
  (void)family;
  (void)ipv6_only;
  return false;
}

/** The kernel or the network card does not cut this train: too old, no checksum offload, IPsec, segment over the MTU. */
bool IsGsoRefusal(int number) {
  return number == EIO || number == EINVAL || number == EMSGSIZE || number == EOPNOTSUPP || number == ENOPROTOOPT;
}

/** Perhaps the kernel does not take ECN bits from the sender. */
bool IsMarkRefusal(int number) {
  return number == EINVAL || number == EOPNOTSUPP || number == ENOPROTOOPT || number == EPERM;
}

}  // namespace

bool UdpSocket::Open(const SocketOptions& options) {
  family_ = IsIPv4(options.bind) ? AF_INET : AF_INET6;
  fd_ = MakeSocket(family_);
  if (fd_ < 0) return Fail("socket");
  if (family_ == AF_INET6) SetOption(fd_, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0);
  SocketAddress address;
  const socklen_t length = ToSocketAddress(options.bind, family_, &address);
  if (bind(fd_, &address.any, length) != 0) return Fail("bind");
  socklen_t size = sizeof address;
  if (getsockname(fd_, &address.any, &size) != 0) return Fail("getsockname");
  bound_ = FromSocketAddress(address);
  dont_fragment_ = ForbidFragmentation(fd_, family_, options.ipv6_only);
  SetBuffers(options);
  EnableOffload(options);
  block_every_ = options.block_every;
  return true;
}

void UdpSocket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

bool UdpSocket::is_ipv6() const { return family_ == AF_INET6; }

int UdpSocket::receive_buffer() const { return GetOption(fd_, SO_RCVBUF); }

int UdpSocket::send_buffer() const { return GetOption(fd_, SO_SNDBUF); }

bool UdpSocket::Fail(const char* syscall) {
  error_ = {errno, syscall};
  return false;
}

void UdpSocket::SetBuffers(const SocketOptions& options) {
  GrowBuffer(fd_, SO_RCVBUF, kForcedReceiveBuffer, options.receive_buffer);
  GrowBuffer(fd_, SO_SNDBUF, kForcedSendBuffer, options.send_buffer);
}

SendStatus UdpSocket::Send(TransmitSlab* slab) {
  if (block_every_ > 0 && !slab->empty() && ++sends_ % block_every_ == 0) return SendStatus::kBlocked;
  return SendWaiting(slab);
}

void UdpSocket::Accepted(TransmitSlab* slab, uint32_t octets) {
  TransmitSlab::Run& run = slab->At(0);
  counters_.datagrams += octets > run.segment ? run.count : 1;
  counters_.octets += octets;
  // It goes without offload what did not go with it: so the size was not at fault. Likewise with ECN bits.
  if (run.is_plain && !run.is_too_large) gso_ = false;
  if (run.is_unmarked && !run.is_plain) marks_ = false;
  run.sent += octets;
  if (run.sent == run.size) slab->Pop();
}

void UdpSocket::Refused(TransmitSlab* slab, int number, bool is_train) {
  TransmitSlab::Run& run = slab->At(0);
  if (run.ecn != 0 && marks_ && !run.is_unmarked && IsMarkRefusal(number)) {
    run.is_unmarked = true;
    return;
  }
  if (is_train && IsGsoRefusal(number)) {
    // Sent again as single datagrams. Offload stays on until one of them passes: they may be too large for the route.
    run.is_plain = true;
    return;
  }
  const uint32_t octets = is_train ? run.size : std::min(run.segment, run.size - run.sent);
  if (number == EMSGSIZE) {
    run.is_too_large = true;
    NoteRefusedSize(run.to, octets);
  }
  counters_.errors += is_train ? run.count : 1;
  run.sent += octets;
  if (run.sent == run.size) slab->Pop();
}

void UdpSocket::NoteRefusedSize(const Address& to, uint32_t octets) {
  for (RefusedSize& known : refused_sizes_) {
    if (!(known.to == to)) continue;
    known.octets = std::min(known.octets, octets);
    return;
  }
  if (refused_sizes_.size() < kMaxRefused) refused_sizes_.push_back({to, octets});
}

bool IsTransient(int number) {
  switch (number) {
    case EBADF:
    case ENOTSOCK:
    case ENOTCONN:
    case EFAULT:
      return false;
    default:
      return true;
  }
}

}  // namespace stt
