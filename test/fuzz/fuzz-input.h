#ifndef STT_TEST_FUZZ_INPUT_H_
#define STT_TEST_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "bytes.h"

// What the fuzzers share. test/support/fuzz-records.ts reads inputs in the same way, so that the corpus can be replayed
// to the engine in JavaScript.

namespace stt {
namespace fuzz {

/** Ends the process with a report of the fuzzer. */
inline void Require(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "violated: %s\n", what);
  abort();
}

/** One step of an input: `| op | length (2) | octets |`. What is missing at the end of the input is left out. */
struct Record {
  uint8_t op;
  Bytes octets;

  /** Octet `at`, 0 if there are fewer. */
  uint8_t At(size_t at) const { return at < octets.size ? octets.data[at] : 0; }
  /** All octets from `at` on. */
  Bytes From(size_t at) const {
    return at < octets.size ? Bytes{octets.data + at, octets.size - at} : Bytes{};
  }
};

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  bool Next(Record* record) {
    if (size_ - at_ < 3) return false;
    record->op = data_[at_];
    const size_t length = Load16(data_ + at_ + 1);
    at_ += 3;
    const size_t left = size_ - at_;
    record->octets = {data_ + at_, length < left ? length : left};
    at_ += record->octets.size;
    return true;
  }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

}  // namespace fuzz
}  // namespace stt

#endif  // STT_TEST_FUZZ_INPUT_H_
