#ifndef STT_CORE_PATH_TABLE_H_
#define STT_CORE_PATH_TABLE_H_

#include <cstdint>
#include <vector>

#include "address.h"
#include "slot_list.h"

namespace stt {

/** Remote addresses that are paths, by id and by address; counted, since sessions share them. */
class PathTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  explicit PathTable(uint64_t salt) : salt_(salt) {}

  /** Paths that are open. */
  size_t size() const { return size_; }
  /** The id of an address, counted. */
  uint32_t Open(const Address& address);
  /** The id of an address that an authentic packet came from, not counted: gone after Settle unless Open counts it. */
  uint32_t Meet(const Address& address);
  /** Gives one count back; the last one forgets the path. */
  void Close(uint32_t path);
  /** The address of a path; null if there is no such path. Valid until the next Open. */
  const Address* At(uint32_t path) const;
  /** The path of an address, kNone if it is no path. */
  uint32_t Find(const Address& address) const;
  /** No row speaks any more of paths that were given back, or met but not counted. */
  void Settle();

 private:
  struct Entry {
    Address address;
    uint32_t count = 0;
    bool is_used = false;
    /** Next path of the same bucket. */
    uint32_t next = kNone;
  };

  uint32_t Make(const Address& address, uint32_t count);
  void Forget(uint32_t path);
  size_t BucketOf(const Address& address) const;
  void Link(uint32_t path);
  void Grow();

  uint64_t salt_;
  size_t size_ = 0;
  SlotList slots_;
  /** Met since the last Settle. */
  std::vector<uint32_t> transient_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> buckets_ = std::vector<uint32_t>(16, kNone);
};

}  // namespace stt

#endif  // STT_CORE_PATH_TABLE_H_
