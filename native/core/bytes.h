#ifndef STT_CORE_BYTES_H_
#define STT_CORE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

// Octets and the integers in them: big-endian throughout (STT §1).

namespace stt {

/** Borrowed octets. */
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

inline uint16_t Load16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }

inline uint32_t Load32(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 | static_cast<uint32_t>(p[2]) << 8 | p[3];
}

inline uint64_t Load64(const uint8_t* p) { return static_cast<uint64_t>(Load32(p)) << 32 | Load32(p + 4); }

inline void Store16(uint8_t* p, uint16_t value) {
  p[0] = static_cast<uint8_t>(value >> 8);
  p[1] = static_cast<uint8_t>(value);
}

inline void Store32(uint8_t* p, uint32_t value) {
  Store16(p, static_cast<uint16_t>(value >> 16));
  Store16(p + 2, static_cast<uint16_t>(value));
}

inline void Store64(uint8_t* p, uint64_t value) {
  Store32(p, static_cast<uint32_t>(value >> 32));
  Store32(p + 4, static_cast<uint32_t>(value));
}

/** Largest length, count, id or offset (STT §1): what a JavaScript number holds exactly. */
constexpr uint64_t kMaxVarint = (uint64_t{1} << 53) - 1;

/** Octets of a length as varint. */
inline size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) size++;
  return size;
}

/** Writes a varint (minimal LEB128) and returns the octets behind it. */
inline uint8_t* StoreVarint(uint8_t* p, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *p++ = static_cast<uint8_t>(value | 0x80);
  *p++ = static_cast<uint8_t>(value);
  return p;
}

/** How the reading of a varint ended. */
enum class VarintResult { kOk, kTruncated, kMalformed };

/** Reads a length: minimal, <= 2^53-1. Moves `*at` behind it if it is one. */
inline VarintResult LoadVarint(const uint8_t* data, size_t size, size_t* at, uint64_t* value) {
  uint64_t result = 0;
  for (unsigned shift = 0; shift < 56; shift += 7) {
    const size_t position = *at + shift / 7;
    if (position >= size) return VarintResult::kTruncated;
    const uint8_t octet = data[position];
    result |= static_cast<uint64_t>(octet & 0x7f) << shift;
    if (octet >= 0x80) continue;
    // A last octet of zero adds nothing: not minimal.
    if ((octet == 0 && shift > 0) || result > kMaxVarint) return VarintResult::kMalformed;
    *at = position + 1;
    *value = result;
    return VarintResult::kOk;
  }
  return VarintResult::kMalformed;
}

}  // namespace stt

#endif  // STT_CORE_BYTES_H_
