#ifndef STT_TEST_FUZZ_ENGINE_H_
#define STT_TEST_FUZZ_ENGINE_H_

#include <memory>
#include <vector>

#include "fuzz-input.h"
#include "packet_engine.h"

namespace stt {
namespace fuzz {

constexpr uint64_t kSessionId = 0x0102030405060708;
/** So few that inputs reach it. */
constexpr int64_t kForgeryLimit = 3;

/** A packet engine whose batches are checked when they are full or `Deliver` is called. */
class FuzzEngine {
 public:
  FuzzEngine() : engine_({rows_, groups_, slab_, kSlab}, 4096, 1) {
    memset(address_.octets, 1, kAddressOctets);
    engine_.paths().Open(address_);
  }

  PacketEngine& engine() { return engine_; }

  /** Hands datagrams to the engine as the socket would: one burst, cut into `segment` octets each (0: uncut). */
  void Receive(Bytes octets, uint32_t segment) {
    // A copy of the exact size, so that AddressSanitizer sees reads beyond it.
    const std::unique_ptr<uint8_t[]> copy(new uint8_t[octets.size]);
    if (octets.size > 0) memcpy(copy.get(), octets.data, octets.size);
    const Burst burst = {copy.get(), static_cast<uint32_t>(octets.size), segment, 0, address_};
    BurstCursor cursor;
    cursor.bursts = &burst;
    cursor.count = 1;
    while (!engine_.Receive(&cursor)) {
      Require(engine_.batch().row_count() > 0, "an empty batch has room for every datagram");
      Deliver();
    }
  }

  void Deliver() {
    CheckBatch();
    engine_.Delivered();
  }

  /** To be called at the end. */
  void Finish() {
    Deliver();
    const EngineCounters& c = engine_.counters();
    Require(c.datagrams_received == c.packets_opened + c.handshakes_received + c.dropped_malformed +
                                        c.dropped_strangers + c.dropped_unproven + c.dropped_unknown_session + c.dropped_replays +
                                        c.dropped_forgeries + c.resets_received + c.dropped_no_key,
            "every datagram is counted once");
  }

 private:
  static constexpr size_t kSlab = ReceiveBatch::kMinSlab;

  void CheckBatch() {
    const uint32_t rows = engine_.batch().row_count();
    const uint32_t groups = engine_.batch().group_count();
    Require(rows <= kMaxRows && groups <= rows && (rows == 0 || groups > 0), "rows and groups fit");
    for (uint32_t i = 0; i < groups; i++) {
      const uint32_t first = groups_[i * kGroupWords + kFirstRow];
      const uint32_t before = i == 0 ? 0 : groups_[(i - 1) * kGroupWords + kFirstRow] + 1;
      Require(first < rows && first >= before && (i > 0 || first == 0), "every group has rows, in order");
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < rows; i++) CheckRow(rows_ + i * kRowWords, &sum);
    sum_ = sum;
  }

  void CheckRow(const uint32_t* row, uint32_t* sum) {
    const uint64_t begin = row[kBegin];
    const uint64_t length = row[kLength];
    const uint32_t type = row[kHead] & 0xff;
    Require(begin + length <= kSlab, "rows lie in the slab");
    Require(RowCount(row[kHead]) >= 1, "rows hold packets");
    // Every octet is read, as JavaScript may do.
    for (uint64_t i = begin; i < begin + length; i++) *sum += slab_[i];
    const uint64_t offset = static_cast<uint64_t>(row[kOffsetHigh]) << 32 | row[kOffsetLow];
    const uint64_t pn = static_cast<uint64_t>(row[kPnHigh]) << 32 | row[kPnLow];
    Require(pn <= kMaxVarint, "packet numbers are numbers of JavaScript");
    if (type == kStreamRow) {
      Require(offset + length <= kMaxVarint, "stream offsets are numbers of JavaScript");
      Require(row[kStreamId] != 0, "the control stream is no run");
    } else if (type == kHandshakeRow) {
      Require(begin >= kAddressOctets && length > 0, "the sender lies before a handshake message");
    } else {
      Require(type == kFramesRow || type == kForgeryLimitRow, "rows have a type");
    }
  }

  // Made once: to make them for every input would take most of the time. AddressSanitizer guards globals as well.
  static inline uint32_t rows_[kMaxRows * kRowWords];
  static inline uint32_t groups_[kMaxRows * kGroupWords];
  static inline uint8_t slab_[kSlab];

  Address address_;
  PacketEngine engine_;
  /** Keeps the compiler from leaving the reading out. */
  volatile uint32_t sum_ = 0;
};

}  // namespace fuzz
}  // namespace stt

#endif  // STT_TEST_FUZZ_ENGINE_H_
