#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>

#include "socket_address.h"
#include "udp_socket.h"

// Many datagrams a system call (recvmmsg, sendmmsg), and trains of datagrams in one message (GRO, GSO): together they
// are worth a factor of ten.

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef UDP_NO_CHECK6_TX
#define UDP_NO_CHECK6_TX 101
#endif

namespace stt {

namespace {

constexpr size_t kSlotOctets = 64 * 1024;
/** Messages of one sendmmsg. */
constexpr size_t kMaxMessages = 64;
/** Segment size, traffic class and alignment; what does not fit the kernel leaves out. */
constexpr size_t kControlOctets = 128;

struct alignas(cmsghdr) Control {
  uint8_t octets[kControlOctets];
};

bool SetFlag(int fd, int level, int name) {
  const int one = 1;
  return setsockopt(fd, level, name, &one, sizeof one) == 0;
}

/** An int that the kernel may have written as one octet. */
uint32_t ControlValue(const cmsghdr* header) {
  const uint8_t* data = CMSG_DATA(header);
  if (header->cmsg_len < CMSG_LEN(sizeof(int))) return data[0];
  int value;
  memcpy(&value, data, sizeof value);
  return static_cast<uint32_t>(value);
}

void ReadControl(msghdr* message, Burst* burst) {
  for (cmsghdr* header = CMSG_FIRSTHDR(message); header != nullptr; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
      burst->segment = ControlValue(header);
    } else if ((header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) ||
               (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_TCLASS)) {
      burst->ecn = ControlValue(header) & kEcnMask;
    }
  }
}

/** Adds a value to what goes along with a message. */
template <typename Value>
void WriteControl(msghdr* message, Control* control, int level, int type, Value value) {
  cmsghdr header = {};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(sizeof value);
  uint8_t* const at = control->octets + message->msg_controllen;
  memcpy(at, &header, sizeof header);
  memcpy(at + CMSG_LEN(0), &value, sizeof value);
  message->msg_control = control->octets;
  message->msg_controllen += CMSG_SPACE(sizeof value);
}

/** The traffic class of the datagram. A socket of IPv6 takes that of IPv4 for a mapped address. */
void WriteTrafficClass(msghdr* message, Control* control, const Address& to, int value) {
  if (IsIPv4(to)) {
    WriteControl(message, control, IPPROTO_IP, IP_TOS, value);
  } else {
    WriteControl(message, control, IPPROTO_IPV6, IPV6_TCLASS, value);
  }
}

}  // namespace

struct UdpSocket::Buffers {
  std::unique_ptr<uint8_t[]> slots{new uint8_t[kMaxBursts * kSlotOctets]};
  Burst bursts[kMaxBursts];
  mmsghdr received[kMaxBursts];
  iovec received_octets[kMaxBursts];
  SocketAddress senders[kMaxBursts];
  Control received_control[kMaxBursts];

  mmsghdr sent[kMaxMessages];
  iovec sent_octets[kMaxMessages];
  SocketAddress receivers[kMaxMessages];
  Control sent_control[kMaxMessages];
};

UdpSocket::UdpSocket() : buffers_(new Buffers()) {}
UdpSocket::~UdpSocket() { Close(); }

void UdpSocket::EnableOffload(const SocketOptions& options) {
  SetFlag(fd_, IPPROTO_IP, IP_RECVTOS);
  if (family_ == AF_INET6) SetFlag(fd_, IPPROTO_IPV6, IPV6_RECVTCLASS);
  marks_ = true;
  refuse_marks_ = options.refuse_marks;
  if (options.no_offload) return;
  gro_ = SetFlag(fd_, IPPROTO_UDP, UDP_GRO);
  // Zero is "no segments" where the kernel knows the option.
  const int zero = 0;
  gso_ = setsockopt(fd_, IPPROTO_UDP, UDP_SEGMENT, &zero, sizeof zero) == 0;
  if (options.refuse_gso) {
    // Trains need checksums.
    SetFlag(fd_, SOL_SOCKET, SO_NO_CHECK);
    SetFlag(fd_, IPPROTO_UDP, UDP_NO_CHECK6_TX);
  }
}

int UdpSocket::Receive(const Burst** bursts) {
  Buffers& b = *buffers_;
  for (size_t i = 0; i < kMaxBursts; i++) {
    b.received_octets[i] = {b.slots.get() + i * kSlotOctets, kSlotOctets};
    msghdr& message = b.received[i].msg_hdr;
    message.msg_name = &b.senders[i];
    message.msg_namelen = sizeof b.senders[i];
    message.msg_iov = &b.received_octets[i];
    message.msg_iovlen = 1;
    message.msg_control = b.received_control[i].octets;
    message.msg_controllen = kControlOctets;
    message.msg_flags = 0;
  }
  int count;
  do {
    count = recvmmsg(fd_, b.received, kMaxBursts, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    // Also reports of earlier sends that went wrong: those are gone once they were read.
    if (IsTransient(errno)) return 0;
    Fail("recvmmsg");
    return -1;
  }
  for (int i = 0; i < count; i++) {
    Burst& burst = b.bursts[i];
    burst.octets = b.slots.get() + static_cast<size_t>(i) * kSlotOctets;
    burst.size = b.received[i].msg_len;
    burst.segment = 0;
    burst.ecn = 0;
    burst.from = FromSocketAddress(b.senders[i]);
    ReadControl(&b.received[i].msg_hdr, &burst);
  }
  *bursts = b.bursts;
  return count;
}

SendStatus UdpSocket::SendWaiting(TransmitSlab* slab) {
  Buffers& b = *buffers_;
  while (!slab->empty()) {
    // One message per run, or per datagram of a run that cannot be sent as one.
    size_t messages = 0;
    bool is_first_train = false;
    for (size_t index = 0; index < slab->waiting() && messages < kMaxMessages; index++) {
      TransmitSlab::Run& run = slab->At(index);
      SocketAddress to;
      const socklen_t length = ToSocketAddress(run.to, family_, &to);
      const bool is_train = gso_ && !run.is_plain && run.count > 1 && run.sent == 0;
      const bool is_marked = run.ecn != 0 && marks_ && !run.is_unmarked;
      if (messages == 0) is_first_train = is_train;
      uint32_t at = run.sent;
      do {
        const uint32_t size = is_train ? run.size : std::min(run.segment, run.size - at);
        b.receivers[messages] = to;
        b.sent_octets[messages] = {run.octets + at, size};
        msghdr& message = b.sent[messages].msg_hdr;
        message = {};
        // An address of the other family is left to the kernel to refuse.
        message.msg_name = &b.receivers[messages];
        message.msg_namelen = length > 0 ? length : sizeof b.receivers[messages].any;
        message.msg_iov = &b.sent_octets[messages];
        message.msg_iovlen = 1;
        Control& control = b.sent_control[messages];
        if (is_train) WriteControl(&message, &control, IPPROTO_UDP, UDP_SEGMENT, static_cast<uint16_t>(run.segment));
        // No traffic class has more than eight bits: what kernels refuse.
        if (is_marked) {
          WriteTrafficClass(&message, &control, run.to, static_cast<int>(run.ecn) | (refuse_marks_ ? 0x100 : 0));
        }
        at += size;
        messages++;
      } while (at < run.size && messages < kMaxMessages);
    }
    int count;
    do {
      count = sendmmsg(fd_, b.sent, static_cast<unsigned>(messages), MSG_DONTWAIT);
      counters_.calls++;
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return SendStatus::kBlocked;
      if (!IsTransient(errno)) {
        Fail("sendmmsg");
        return SendStatus::kFailed;
      }
      Refused(slab, errno, is_first_train);
      continue;
    }
    for (int i = 0; i < count; i++) Accepted(slab, static_cast<uint32_t>(b.sent_octets[i].iov_len));
  }
  return SendStatus::kDone;
}

}  // namespace stt
