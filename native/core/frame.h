#ifndef STT_CORE_FRAME_H_
#define STT_CORE_FRAME_H_

#include <cstddef>
#include <cstdint>

#include "bytes.h"
#include "session_id.h"
#include "status.h"

// The STTFrame codec (STT §3).
//
//   "ST" | length varint | type | flags | session id (8) | sequence (8) | timestamp (8) | stream id (4) |
//   meta_len varint | crypto metadata | payload

namespace stt {

/** Largest STTFrame, counted behind its length field. */
constexpr size_t kMaxFrameOctets = 2 * 1024 * 1024;
/** From the type to the stream id. */
constexpr size_t kFrameFixedOctets = 30;

/** An STTFrame; byte ranges are borrowed. */
struct Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint8_t session_id[kSessionIdOctets] = {};
  uint64_t sequence = 0;
  uint64_t timestamp = 0;
  uint32_t stream_id = 0;
  Bytes crypto_metadata;
  Bytes payload;
};

/** Octets behind the length field. */
size_t FrameBodySize(const Frame& frame);
/** Octets of the whole frame. */
size_t FrameSize(const Frame& frame);
/** Writes FrameSize octets. */
void EncodeFrame(const Frame& frame, uint8_t* out);
/** Reads the frame at the beginning of `data`; `size_read` octets are its. */
FrameStatus ParseFrame(Bytes data, Frame* frame, size_t* size_read);

}  // namespace stt

#endif  // STT_CORE_FRAME_H_
