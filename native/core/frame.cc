#include "frame.h"

namespace stt {

namespace {

constexpr uint8_t kMagic[2] = {'S', 'T'};
/** Octets of the largest length: if all of so many say that more follow, they can become no frame. */
constexpr size_t kMaxLengthOctets = 4;

uint8_t* Append(uint8_t* out, Bytes bytes) {
  if (bytes.size > 0) memcpy(out, bytes.data, bytes.size);
  return out + bytes.size;
}

}  // namespace

size_t FrameBodySize(const Frame& frame) {
  return kFrameFixedOctets + VarintSize(frame.crypto_metadata.size) + frame.crypto_metadata.size + frame.payload.size;
}

size_t FrameSize(const Frame& frame) {
  const size_t body = FrameBodySize(frame);
  return sizeof kMagic + VarintSize(body) + body;
}

void EncodeFrame(const Frame& frame, uint8_t* out) {
  out = Append(out, {kMagic, sizeof kMagic});
  out = StoreVarint(out, FrameBodySize(frame));
  out[0] = frame.type;
  out[1] = frame.flags;
  memcpy(out + 2, frame.session_id, kSessionIdOctets);
  Store64(out + 10, frame.sequence);
  Store64(out + 18, frame.timestamp);
  Store32(out + 26, frame.stream_id);
  out = StoreVarint(out + kFrameFixedOctets, frame.crypto_metadata.size);
  out = Append(out, frame.crypto_metadata);
  Append(out, frame.payload);
}

FrameStatus ParseFrame(Bytes data, Frame* frame, size_t* size_read) {
  for (size_t i = 0; i < sizeof kMagic; i++) {
    if (i >= data.size) return FrameStatus::kTruncated;
    if (data.data[i] != kMagic[i]) return FrameStatus::kMalformed;
  }
  size_t at = sizeof kMagic;
  uint64_t body;
  const VarintResult length = LoadVarint(data.data, data.size, &at, &body);
  if (length == VarintResult::kTruncated && data.size - at < kMaxLengthOctets) return FrameStatus::kTruncated;
  if (length != VarintResult::kOk) return FrameStatus::kMalformed;
  if (body > kMaxFrameOctets) return FrameStatus::kTooLarge;
  if (body < kFrameFixedOctets + 1) return FrameStatus::kMalformed;
  if (body > data.size - at) return FrameStatus::kTruncated;
  const size_t end = at + static_cast<size_t>(body);

  const uint8_t* fixed = data.data + at;
  frame->type = fixed[0];
  frame->flags = fixed[1];
  memcpy(frame->session_id, fixed + 2, kSessionIdOctets);
  frame->sequence = Load64(fixed + 10);
  frame->timestamp = Load64(fixed + 18);
  frame->stream_id = Load32(fixed + 26);

  at += kFrameFixedOctets;
  uint64_t metadata;
  // What is missing inside a frame that is there whole will not come.
  if (LoadVarint(data.data, end, &at, &metadata) != VarintResult::kOk || metadata > end - at) {
    return FrameStatus::kMalformed;
  }
  frame->crypto_metadata = {data.data + at, static_cast<size_t>(metadata)};
  at += static_cast<size_t>(metadata);
  frame->payload = {data.data + at, end - at};
  *size_read = end;
  return FrameStatus::kOk;
}

}  // namespace stt
