#ifndef STT_CORE_RECEIVE_BATCH_H_
#define STT_CORE_RECEIVE_BATCH_H_

#include <cstddef>
#include <cstdint>

#include "address.h"
#include "batch_layout.h"
#include "bytes.h"
#include "packet.h"

namespace stt {

/** Memory of a batch, shared with JavaScript. */
struct BatchMemory {
  /** kMaxRows * kRowWords */
  uint32_t* rows;
  /** kMaxRows * kGroupWords */
  uint32_t* groups;
  uint8_t* slab;
  size_t slab_size;
};

/**
 * Rows, groups and slab of a batch.
 *
 *   slab   | 16 | stream payload --> front | free | back <-- frames, rests, handshakes |
 *
 * A packet is opened at `front - 16`: then the payload of its leading STREAM frame touches the one before. The 16
 * octets are saved and put back.
 */
class ReceiveBatch {
 public:
  /** With less slab than this a single datagram might not fit. */
  static constexpr size_t kMinSlab = kStreamHeaderOctets + 2 * kMaxUdpPayload + kAddressOctets;

  explicit ReceiveBatch(const BatchMemory& memory);

  uint32_t row_count() const { return row_count_; }
  uint32_t group_count() const { return group_count_; }
  /** True if `count` datagrams of `octets` in sum fit, whatever they hold. */
  bool HasRoom(size_t count, size_t octets) const;
  void Clear();

  /** Where the rows that follow come from. */
  struct Source {
    uint32_t slot;
    uint32_t path;
    uint32_t marks;
  };

  /** Where the next packet is to be opened to; EndOpening must follow. */
  uint8_t* BeginOpening();
  /** Puts back what the opening overwrote. */
  void EndOpening();
  /** Rows for the payload that was opened, `size` octets. EndOpening must follow. */
  void AddPacket(const Source& source, uint64_t pn, size_t size);
  /** A FRAMES row without octets: a packet that no peer may send, for JavaScript to close with PROTOCOL. */
  void AddBadPacket(const Source& source, uint64_t pn);
  void AddHandshake(uint32_t path, uint32_t seed_index, Bytes frame, const Address& from);
  void AddForgeryLimit(const Source& source);
  void AddReset(const Source& source);
  /** A packet of a session that is not in the table. */
  void AddStray(uint32_t path, Bytes packet, const Address& from);

 private:
  void AddStream(const Source& source, uint64_t pn, const StreamHeader& header);
  void AddFrames(const Source& source, uint64_t pn, const uint8_t* octets, size_t size, uint32_t flags);
  uint32_t* AddRow(uint32_t head, size_t begin, size_t length, uint32_t stream_id, uint64_t offset, uint64_t pn);
  bool IsInGroup(const Source& source) const;
  void OpenGroup(const Source& source);

  const BatchMemory memory_;
  uint32_t row_count_ = 0;
  uint32_t group_count_ = 0;
  size_t front_ = kStreamHeaderOctets;
  size_t back_;
  uint8_t saved_[kStreamHeaderOctets];
  uint8_t* opened_at_ = nullptr;

  // What the next packet must be to continue `run_`, the last row; null if nothing may continue it.
  uint32_t* run_ = nullptr;
  uint64_t next_offset_ = 0;
  uint64_t next_pn_ = 0;
};

}  // namespace stt

#endif  // STT_CORE_RECEIVE_BATCH_H_
