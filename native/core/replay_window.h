#ifndef STT_CORE_REPLAY_WINDOW_H_
#define STT_CORE_REPLAY_WINDOW_H_

#include <cstdint>
#include <cstring>
#include <vector>

namespace stt {

/**
 * Which packet numbers were seen (STT §5): accepts what is newer than `largest - kSpan` and was not seen.
 *
 *   bit of pn = pn mod size          size 128, doubled while the largest is beyond it, kSpan at most
 *
 * Until the full size is reached the largest is below the size, so growing keeps every bit where it is; and ten
 * thousand idle sessions cost next to nothing.
 */
class ReplayWindow {
 public:
  static constexpr uint64_t kSpan = 16384;

  /** One more than the largest packet number marked. */
  uint64_t next() const { return next_; }

  /** True if this packet number is new. Marks nothing: the tag has to verify first. */
  bool WillAccept(uint64_t pn) const {
    if (pn >= next_) return true;
    if (pn + kSpan < next_) return false;
    return (words_[WordOf(pn)] >> (pn % 64) & 1) == 0;
  }

  /** Remembers a packet number that `WillAccept` let through and whose tag verified. */
  void Mark(uint64_t pn) {
    if (pn >= next_) {
      Grow(pn);
      Advance(pn);
    }
    words_[WordOf(pn)] |= uint64_t{1} << (pn % 64);
  }

 private:
  size_t WordOf(uint64_t pn) const { return pn / 64 & (words_.size() - 1); }

  void Grow(uint64_t pn) {
    size_t words = words_.size();
    while (words * 64 < kSpan && pn >= words * 64) words *= 2;
    words_.resize(words);
  }

  /** Clears the bits of the numbers passed over, which are those of numbers that fall out of the window. */
  void Advance(uint64_t pn) {
    const uint64_t gap = pn + 1 - next_;
    if (gap >= words_.size() * 64) {
      memset(words_.data(), 0, words_.size() * sizeof words_[0]);
    } else {
      for (uint64_t at = next_; at <= pn;) {
        const uint64_t first = at % 64;
        const uint64_t count = first + (pn - at) < 64 ? pn - at + 1 : 64 - first;
        const uint64_t ones = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
        words_[WordOf(at)] &= ~(ones << first);
        at += count;
      }
    }
    next_ = pn + 1;
  }

  std::vector<uint64_t> words_ = std::vector<uint64_t>(2);
  uint64_t next_ = 0;
};

}  // namespace stt

#endif  // STT_CORE_REPLAY_WINDOW_H_
