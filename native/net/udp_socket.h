#ifndef STT_NET_UDP_SOCKET_H_
#define STT_NET_UDP_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "address.h"
#include "packet_engine.h"
#include "transmit_slab.h"

namespace stt {

struct SocketOptions {
  Address bind;
  /** An IPv6 socket takes no IPv4. */
  bool ipv6_only = false;
  /** Octets of buffer asked for. */
  int receive_buffer = 0;
  int send_buffer = 0;
  /** Neither asks for nor uses segmentation offload. */
  bool no_offload = false;
  /** For tests: makes the kernel refuse segmentation offload when it is used. */
  bool refuse_gso = false;
  /** For tests: makes the kernel refuse ECN bits. */
  bool refuse_marks = false;
  /** For tests: every so manieth Send finds the socket's buffer full; 0 = none. */
  uint32_t block_every = 0;
};

/** An error of the operating system. */
struct SocketError {
  int number = 0;
  const char* syscall = nullptr;
};

struct SendCounters {
  uint64_t datagrams = 0;
  uint64_t octets = 0;
  uint64_t errors = 0;
  uint64_t calls = 0;
};

/** The kernel would not send a datagram for its size: it is over the MTU of the interface. */
struct RefusedSize {
  Address to;
  uint32_t octets;
};

enum class SendStatus { kDone, kBlocked, kFailed };

/**
 * A bound, non-blocking UDP socket that works in batches. Opening and closing are in udp_socket.cc, receiving and
 * sending in udp_socket_linux.cc (many datagrams a call, segmentation offload) or udp_socket_posix.cc (one a call).
 */
class UdpSocket {
 public:
  /** Bursts of one Receive: with eight slots of 64 KiB the memory that is written stays in a core's own cache. */
  static constexpr size_t kMaxBursts = 8;
  /** Addresses whose refused sizes wait to be told. */
  static constexpr size_t kMaxRefused = 64;

  UdpSocket();
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  /** Makes and binds the socket. False: see error(). */
  bool Open(const SocketOptions& options);
  void Close();

  int fd() const { return fd_; }
  const SocketError& error() const { return error_; }
  const Address& bound() const { return bound_; }
  bool is_ipv6() const;
  bool gso() const { return gso_; }
  bool gro() const { return gro_; }
  /** ECN bits of what is sent get into the IP header. */
  bool marks() const { return marks_; }
  /** Octets of buffer that the kernel gave. */
  int receive_buffer() const;
  int send_buffer() const;
  /** Large datagrams get lost rather than being cut up on their way. */
  bool dont_fragment() const { return dont_fragment_; }
  const SendCounters& counters() const { return counters_; }
  /** Sizes that were refused since the last Clear, of each address the smallest; more addresses than kMaxRefused are left out. */
  const std::vector<RefusedSize>& refused_sizes() const { return refused_sizes_; }
  void ClearRefusedSizes() { refused_sizes_.clear(); }

  /**
   * Receives up to kMaxBursts bursts, which are valid until the next call. Gives their number, 0 if there is nothing,
   * -1 if the socket failed for good: see error().
   */
  int Receive(const Burst** bursts);
  /** Sends what waits in the slab. kBlocked: the rest waits until the socket is writable. kFailed: see error(). */
  SendStatus Send(TransmitSlab* slab);

 private:
  /** Memory of the system calls. */
  struct Buffers;

  bool Fail(const char* syscall);
  /** Send, of the platform. */
  SendStatus SendWaiting(TransmitSlab* slab);
  /** Turns on what the platform has. */
  void EnableOffload(const SocketOptions& options);
  void SetBuffers(const SocketOptions& options);
  /** The kernel took the next `octets` of the first waiting run. */
  void Accepted(TransmitSlab* slab, uint32_t octets);
  /** The kernel refused the first waiting run as a train, or the next datagram of it. */
  void Refused(TransmitSlab* slab, int number, bool is_train);
  void NoteRefusedSize(const Address& to, uint32_t octets);

  int fd_ = -1;
  int family_ = 0;
  bool gso_ = false;
  bool gro_ = false;
  bool marks_ = false;
  bool refuse_marks_ = false;
  bool dont_fragment_ = false;
  uint32_t block_every_ = 0;
  uint32_t sends_ = 0;
  Address bound_ = {};
  SocketError error_;
  SendCounters counters_;
  std::vector<RefusedSize> refused_sizes_;
  std::unique_ptr<Buffers> buffers_;
};

/** True for errors that concern one datagram only, or pass: the socket goes on. */
bool IsTransient(int number);

}  // namespace stt

#endif  // STT_NET_UDP_SOCKET_H_
