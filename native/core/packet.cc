#include "packet.h"

namespace stt {

uint64_t ExpandPacketNumber(uint64_t next, uint32_t low) {
  constexpr uint64_t kWindow = uint64_t{1} << 32;
  constexpr uint64_t kHalf = kWindow / 2;
  const uint64_t candidate = (next & ~(kWindow - 1)) | low;
  if (candidate + kHalf <= next) return candidate + kWindow;
  if (candidate > next + kHalf && candidate >= kWindow) return candidate - kWindow;
  return candidate;
}

void MakeNonce(const uint8_t* iv, uint64_t pn, uint8_t* nonce) {
  memcpy(nonce, iv, 4);
  Store64(nonce + 4, Load64(iv + 4) ^ pn);
}

void MaskHeader(uint8_t* header, const uint8_t* mask) {
  header[0] ^= mask[0] & 0x7f;
  for (size_t i = 0; i < 4; i++) header[kPacketNumberAt + i] ^= mask[1 + i];
}

void WriteHeader(uint64_t session_id, uint32_t phase, uint64_t pn, uint8_t* header) {
  header[0] = static_cast<uint8_t>(kPacketBit | (phase & kPhaseBit));
  Store64(header + kSessionIdAt, session_id);
  Store32(header + kPacketNumberAt, static_cast<uint32_t>(pn));
}

void WriteStreamHeader(const StreamHeader& header, uint8_t* out) {
  out[0] = kStreamFrame;
  out[1] = header.end ? kStreamEnd : 0;
  Store32(out + 2, header.stream_id);
  Store64(out + 6, header.offset);
  Store16(out + 14, static_cast<uint16_t>(header.length));
}

bool ParseLeadingStream(const uint8_t* payload, size_t size, StreamHeader* header) {
  if (size < kStreamHeaderOctets || payload[0] != kStreamFrame) return false;
  const uint8_t flags = payload[1];
  if (flags != 0 && flags != kStreamEnd) return false;
  header->end = flags == kStreamEnd;
  header->stream_id = Load32(payload + 2);
  header->offset = Load64(payload + 6);
  header->length = Load16(payload + 14);
  if (header->length > size - kStreamHeaderOctets) return false;
  if (header->length == 0 && !header->end) return false;
  if (header->stream_id == 0) return false;
  return header->offset <= kMaxVarint - header->length;
}

bool AsksForAnswer(Bytes payload) {
  if (payload.size < 2 || payload.data[0] != kAckFrame) return payload.size > 0;
  size_t at = 2;
  const auto load = [&](uint64_t* value) {
    return LoadVarint(payload.data, payload.size, &at, value) == VarintResult::kOk;
  };
  uint64_t largest, delay, ranges, value;
  if (!load(&largest) || !load(&delay) || !load(&ranges)) return false;
  // The first range, gap and length of the others, and the counts of ECN.
  uint64_t left = 1 + 2 * ranges + ((payload.data[1] & kAckHasEcn) != 0 ? 3 : 0);
  for (; left > 0; left--) {
    if (!load(&value)) return false;
  }
  return at < payload.size;
}

}  // namespace stt
