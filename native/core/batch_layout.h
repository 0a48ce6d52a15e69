#ifndef STT_CORE_BATCH_LAYOUT_H_
#define STT_CORE_BATCH_LAYOUT_H_

#include <cstddef>
#include <cstdint>

// The arrays that JavaScript reads: lib/ports/packet-engine.ts says what each word means.

namespace stt {

constexpr size_t kRowWords = 8;
constexpr size_t kGroupWords = 4;
/** Rows that one batch may hold: eight receive slots of 64 packets make two each at most. */
constexpr size_t kMaxRows = 2048;

enum RowWord { kHead, kBegin, kLength, kStreamId, kOffsetLow, kOffsetHigh, kPnLow, kPnHigh };
enum GroupWord { kFirstRow, kSlot, kPath, kMarks };

constexpr uint32_t kStreamRow = 1;
constexpr uint32_t kFramesRow = 2;
constexpr uint32_t kHandshakeRow = 3;
constexpr uint32_t kForgeryLimitRow = 4;
constexpr uint32_t kResetRow = 5;
constexpr uint32_t kStrayRow = 6;

constexpr uint32_t kEndFlag = 1;
constexpr uint32_t kRestFlag = 2;

/** In the marks of a group: the key phase above the bits of ECN. */
constexpr uint32_t kPhaseShift = 8;

/** "No such thing". */
constexpr uint32_t kNothing = 0xffffffff;

constexpr uint32_t RowHead(uint32_t type, uint32_t flags) { return type | flags << 8 | 1 << 16; }
constexpr uint32_t kOnePacket = 1 << 16;
constexpr uint32_t RowCount(uint32_t head) { return head >> 16; }
/** Most packets of one row. */
constexpr uint32_t kMaxCount = 0xffff;

}  // namespace stt

#endif  // STT_CORE_BATCH_LAYOUT_H_
