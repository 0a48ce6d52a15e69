#ifndef STT_CORE_PACKET_ENGINE_H_
#define STT_CORE_PACKET_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "address.h"
#include "handshake_filter.h"
#include "path_table.h"
#include "receive_batch.h"
#include "session_table.h"
#include "transmit_slab.h"

namespace stt {

/** Counters of PacketEngineStats. */
struct EngineCounters {
  uint64_t datagrams_received = 0;
  uint64_t octets_received = 0;
  uint64_t packets_opened = 0;
  uint64_t handshakes_received = 0;
  uint64_t dropped_malformed = 0;
  uint64_t dropped_strangers = 0;
  uint64_t dropped_unproven = 0;
  uint64_t dropped_unknown_session = 0;
  uint64_t dropped_replays = 0;
  uint64_t dropped_forgeries = 0;
  uint64_t resets_received = 0;
  uint64_t dropped_no_key = 0;
  uint64_t send_blocked = 0;
};

/** What one system call received from one address: datagrams of `segment` octets each, the last one may be shorter. */
struct Burst {
  const uint8_t* octets;
  uint32_t size;
  uint32_t segment;
  /** ECN bits of the IP header. */
  uint32_t ecn;
  Address from;
};

/** Bursts on their way through the engine. */
struct BurstCursor {
  const Burst* bursts = nullptr;
  size_t count = 0;
  size_t index = 0;
  /** Octets of bursts[index] that are done. */
  uint32_t done = 0;
};

/** ECN-capable transport, ECT(0), of the two bits of ECN (RFC 3168). */
constexpr uint32_t kEct0 = 2;
constexpr uint32_t kEcnMask = 3;

/** Where something is sealed for: an address, and the ECN bits of the IP header. */
struct Destination {
  Address to;
  uint32_t ecn;
};

/** A run of STREAM packets to be sealed; `Seal` moves it on. */
struct StreamRun {
  uint64_t pn;
  uint32_t stream_id;
  uint64_t offset;
  bool fin;
  Bytes octets;
  /** Octets of a packet. */
  size_t payload;

  /** Packets left. */
  size_t left() const;
};

/** All that is done per datagram, without a socket. Bad input is counted; nothing here allocates for strangers. */
class PacketEngine {
 public:
  /** `salt` is a secret of this engine. */
  PacketEngine(const BatchMemory& memory, size_t transmit_octets, uint64_t salt);

  SessionTable& sessions() { return sessions_; }
  PathTable& paths() { return paths_; }
  HandshakeFilter& handshakes() { return handshakes_; }
  ReceiveBatch& batch() { return batch_; }
  /** What the socket is to send. */
  TransmitSlab& transmit() { return transmit_; }
  /** What is to go to connections outside the engine; null if there never was such. */
  TransmitSlab* for_connections() { return for_connections_.get(); }
  const EngineCounters& counters() const { return counters_; }

  /** Works on the datagrams at the cursor. False if the batch was full before the end: to be called again when it was delivered. */
  bool Receive(BurstCursor* cursor);
  /** The rows of the batch were delivered: their memory, and slots and paths given back meanwhile, may be used again. */
  void Delivered();
  /** Call after slots or paths were given back outside of a delivery. */
  void SettleIfIdle();

  /** Seals as many packets as there is room for and gives their number. */
  size_t Seal(Session* session, const Destination& destination, StreamRun* run);
  bool SealFrames(Session* session, const Destination& destination, uint64_t pn, Bytes frames);
  bool Queue(const Address& to, Bytes datagram);
  /** The next `count` packets of sessions that are not in the table are given as rows. */
  void ReportStrays(uint32_t count) { strays_ = count; }
  void CountBlocked() { counters_.send_blocked++; }

 private:
  /** Datagrams worked on together, so that one call computes their header masks. */
  static constexpr size_t kWindow = 64;

  size_t TakeWindow(BurstCursor* cursor);
  void ReceiveWindow(size_t count, const Burst& burst);
  /** `path` is that of the burst; an authentic packet makes its address one. */
  void ReceiveSession(const Bytes* packets, size_t count, const Burst& burst, uint32_t* path);
  void ReceiveHandshake(Bytes datagram, const Burst& burst, uint32_t path);
  void ReplyCookie(Bytes hello, const Address& from);
  /** What is known of a packet that was opened. */
  struct Opened {
    uint64_t pn;
    uint32_t phase;
    /** A peer that keeps to the rules sends no such packet. */
    bool is_bad;
  };

  OpenStatus Open(Session* session, Bytes packet, const uint8_t* mask, Opened* opened);
  bool SealPacket(Session* session, uint64_t pn, Bytes head, Bytes body, uint8_t* out);
  TransmitSlab& SlabFor(const Address& to);
  bool ProtectHeaders(Session* session, uint8_t* packets, size_t count, size_t stride);

  ReceiveBatch batch_;
  TransmitSlab transmit_;
  std::unique_ptr<TransmitSlab> for_connections_;
  const size_t transmit_octets_;
  SessionTable sessions_;
  PathTable paths_;
  HandshakeFilter handshakes_;
  EngineCounters counters_;
  uint32_t strays_ = 0;
  Bytes window_[kWindow];
  uint8_t samples_[kWindow * kSampleOctets];
  uint8_t masks_[kWindow * kSampleOctets];
};

}  // namespace stt

#endif  // STT_CORE_PACKET_ENGINE_H_
