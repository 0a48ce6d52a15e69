#ifndef STT_CORE_SLOT_LIST_H_
#define STT_CORE_SLOT_LIST_H_

#include <cstdint>
#include <vector>

namespace stt {

/**
 * Numbers for things that come and go. One that was given back is used again only after `Settle`: until then rows on
 * their way out may still speak of it.
 */
class SlotList {
 public:
  uint32_t Take() {
    if (free_.empty()) return count_++;
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  void Return(uint32_t slot) { limbo_.push_back(slot); }

  void Settle() {
    free_.insert(free_.end(), limbo_.begin(), limbo_.end());
    limbo_.clear();
  }

 private:
  uint32_t count_ = 0;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> limbo_;
};

}  // namespace stt

#endif  // STT_CORE_SLOT_LIST_H_
