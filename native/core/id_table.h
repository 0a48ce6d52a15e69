#ifndef STT_CORE_ID_TABLE_H_
#define STT_CORE_ID_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stt {

/**
 * Maps ids of eight octets to small integers: open addressing, linear probing, at most half full, deletion by moving
 * back. `salt` keeps strangers from choosing ids that collide.
 */
class IdTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit IdTable(uint64_t salt) : salt_(salt) {}

  /** Ids that have a value. */
  size_t size() const { return size_; }
  uint32_t Find(uint64_t id) const { return entries_[IndexOf(id)].value; }

  /** Gives an id a value other than kNone, in place of the one it had. */
  void Set(uint64_t id, uint32_t value) {
    size_t index = IndexOf(id);
    if (entries_[index].value == kNone) {
      if (2 * (size_ + 1) > entries_.size()) {
        Grow();
        index = IndexOf(id);
      }
      size_++;
    }
    entries_[index] = {id, value};
  }

  void Delete(uint64_t id) {
    const size_t mask = entries_.size() - 1;
    size_t hole = IndexOf(id);
    if (entries_[hole].value == kNone) return;
    size_--;
    for (size_t index = (hole + 1) & mask; entries_[index].value != kNone; index = (index + 1) & mask) {
      const size_t home = HomeOf(entries_[index].id);
      // The entry may move into the hole unless its home lies behind it.
      if (((index - home) & mask) < ((index - hole) & mask)) continue;
      entries_[hole] = entries_[index];
      hole = index;
    }
    entries_[hole].value = kNone;
  }

 private:
  struct Entry {
    uint64_t id = 0;
    uint32_t value = kNone;
  };

  size_t IndexOf(uint64_t id) const {
    const size_t mask = entries_.size() - 1;
    size_t index = HomeOf(id);
    while (entries_[index].value != kNone && entries_[index].id != id) index = (index + 1) & mask;
    return index;
  }

  size_t HomeOf(uint64_t id) const {
    // The finalizer of splitmix64 around the salt.
    uint64_t hash = id + salt_;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
    return static_cast<size_t>(hash ^ (hash >> 31) ^ (salt_ >> 17)) & (entries_.size() - 1);
  }

  void Grow() {
    std::vector<Entry> old(2 * entries_.size());
    old.swap(entries_);
    for (const Entry& entry : old) {
      if (entry.value != kNone) entries_[IndexOf(entry.id)] = entry;
    }
  }

  uint64_t salt_;
  size_t size_ = 0;
  std::vector<Entry> entries_ = std::vector<Entry>(16);
};

}  // namespace stt

#endif  // STT_CORE_ID_TABLE_H_
