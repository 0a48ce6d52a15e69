#include <errno.h>
#include <sys/socket.h>

#include <algorithm>

#include "socket_address.h"
#include "udp_socket.h"

// One datagram a system call: what every POSIX system has.

namespace stt {

namespace {

constexpr size_t kSlotOctets = 64 * 1024;

}  // namespace

struct UdpSocket::Buffers {
  std::unique_ptr<uint8_t[]> slots{new uint8_t[kMaxBursts * kSlotOctets]};
  Burst bursts[kMaxBursts];
};

UdpSocket::UdpSocket() : buffers_(new Buffers()) {}
UdpSocket::~UdpSocket() { Close(); }

void UdpSocket::EnableOffload(const SocketOptions&) {}

int UdpSocket::Receive(const Burst** bursts) {
  Buffers& b = *buffers_;
  int count = 0;
  while (count < static_cast<int>(kMaxBursts)) {
    uint8_t* const slot = b.slots.get() + static_cast<size_t>(count) * kSlotOctets;
    SocketAddress from;
    socklen_t length = sizeof from;
    const ssize_t size = recvfrom(fd_, slot, kSlotOctets, 0, &from.any, &length);
    if (size >= 0) {
      b.bursts[count++] = {slot, static_cast<uint32_t>(size), 0, 0, FromSocketAddress(from)};
      continue;
    }
    if (errno == EINTR) continue;
    if (count > 0 || IsTransient(errno)) break;
    Fail("recvfrom");
    return -1;
  }
  *bursts = b.bursts;
  return count;
}

SendStatus UdpSocket::SendWaiting(TransmitSlab* slab) {
  while (!slab->empty()) {
    const TransmitSlab::Run& run = slab->At(0);
    const uint32_t size = std::min(run.segment, run.size - run.sent);
    SocketAddress to;
    const socklen_t length = ToSocketAddress(run.to, family_, &to);
    counters_.calls++;
    // An address of the other family is left to the kernel to refuse.
    const ssize_t sent = sendto(fd_, run.octets + run.sent, size, 0, &to.any, length > 0 ? length : sizeof to.any);
    if (sent >= 0) {
      Accepted(slab, size);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return SendStatus::kBlocked;
    } else if (errno != EINTR) {
      if (!IsTransient(errno)) {
        Fail("sendto");
        return SendStatus::kFailed;
      }
      Refused(slab, errno, false);
    }
  }
  return SendStatus::kDone;
}

}  // namespace stt
