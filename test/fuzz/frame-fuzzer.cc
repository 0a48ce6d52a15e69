#include <memory>

#include "frame.h"
#include "fuzz-input.h"

// Fuzzes the parser of STTFrames (STT §3): what it takes must be written again as the same octets.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stt::fuzz::Require;
  stt::Frame frame;
  size_t size_read = 0;
  if (stt::ParseFrame({data, size}, &frame, &size_read) != stt::FrameStatus::kOk) return 0;
  Require(size_read <= size, "a frame lies in what was given");
  Require(stt::FrameSize(frame) == size_read, "a frame has one size");
  const std::unique_ptr<uint8_t[]> out(new uint8_t[size_read]);
  stt::EncodeFrame(frame, out.get());
  Require(memcmp(out.get(), data, size_read) == 0, "a frame has one encoding");
  // No beginning of it is a frame or damaged.
  for (size_t cut = 0; cut < size_read && cut < 64; cut++) {
    size_t ignored;
    Require(stt::ParseFrame({data, cut}, &frame, &ignored) == stt::FrameStatus::kTruncated, "a beginning is truncated");
  }
  return 0;
}
