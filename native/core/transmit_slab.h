#ifndef STT_CORE_TRANSMIT_SLAB_H_
#define STT_CORE_TRANSMIT_SLAB_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "address.h"

namespace stt {

/**
 * Datagrams on their way to the operating system, in runs of equal ones to one address as segmentation offload wants
 * them: all of `segment` octets, the last one of a run may be shorter.
 *
 *   runs    sent... | next_ ... newest
 *   octets  ----------------------------> head_      (back to the beginning whenever nothing is left)
 */
class TransmitSlab {
 public:
  /** What the kernel cuts at most (UDP_MAX_SEGMENTS of older ones). */
  static constexpr size_t kMaxSegments = 64;
  /** Runs that may wait: 64 Ki small packets in all. Bounds the memory that many short datagrams take. */
  static constexpr size_t kMaxRuns = 1024;

  struct Run {
    Address to;
    uint8_t* octets;
    uint32_t size;
    uint32_t segment;
    /** Datagrams. */
    uint32_t count;
    /** Octets from the beginning that are sent. */
    uint32_t sent;
    /** ECN bits of their IP headers. */
    uint32_t ecn;
    /** All datagrams so far are of `segment` octets: more may follow. */
    bool is_open;
    /** Segmentation offload was refused for it. */
    bool is_plain;
    /** ECN bits were refused with it: it goes without. */
    bool is_unmarked;
    /** A datagram of it was refused for its size. */
    bool is_too_large;
  };

  explicit TransmitSlab(size_t size);

  /** How many datagrams of `size` octets may be written at `head()` now. */
  size_t RoomFor(size_t size) const;
  uint8_t* head() { return octets_.get() + head_; }
  /** Queues datagrams written at `head()`: `count` of `segment` octets each, but `last` in the last one. `ecn`: of their IP headers. */
  void Push(const Address& to, size_t count, size_t segment, size_t last, uint32_t ecn = 0);

  bool empty() const { return next_ == runs_.size(); }
  /** Runs not sent yet. */
  size_t waiting() const { return runs_.size() - next_; }
  Run& At(size_t index) { return runs_[next_ + index]; }
  /** The first waiting run is done with. */
  void Pop();
  void Clear();

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> octets_;
  size_t head_ = 0;
  std::vector<Run> runs_;
  size_t next_ = 0;
};

}  // namespace stt

#endif  // STT_CORE_TRANSMIT_SLAB_H_
