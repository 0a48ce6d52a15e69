#include "path_table.h"

#include "bytes.h"

namespace stt {

uint32_t PathTable::Open(const Address& address) {
  const uint32_t known = Find(address);
  if (known != kNone) {
    entries_[known].count++;
    return known;
  }
  return Make(address, 1);
}

uint32_t PathTable::Meet(const Address& address) {
  const uint32_t known = Find(address);
  if (known != kNone) return known;
  const uint32_t path = Make(address, 0);
  transient_.push_back(path);
  return path;
}

void PathTable::Close(uint32_t path) {
  if (At(path) == nullptr || entries_[path].count == 0) return;
  if (--entries_[path].count == 0) Forget(path);
}

void PathTable::Settle() {
  for (const uint32_t path : transient_) {
    if (At(path) != nullptr && entries_[path].count == 0) Forget(path);
  }
  transient_.clear();
  slots_.Settle();
}

uint32_t PathTable::Make(const Address& address, uint32_t count) {
  if (size_ >= buckets_.size()) Grow();
  const uint32_t path = slots_.Take();
  if (path == entries_.size()) entries_.emplace_back();
  entries_[path].address = address;
  entries_[path].count = count;
  entries_[path].is_used = true;
  Link(path);
  size_++;
  return path;
}

void PathTable::Forget(uint32_t path) {
  uint32_t* link = &buckets_[BucketOf(entries_[path].address)];
  while (*link != path) link = &entries_[*link].next;
  *link = entries_[path].next;
  entries_[path].is_used = false;
  size_--;
  slots_.Return(path);
}

const Address* PathTable::At(uint32_t path) const {
  return path < entries_.size() && entries_[path].is_used ? &entries_[path].address : nullptr;
}

uint32_t PathTable::Find(const Address& address) const {
  uint32_t path = buckets_[BucketOf(address)];
  while (path != kNone && !(entries_[path].address == address)) path = entries_[path].next;
  return path;
}

void PathTable::Link(uint32_t path) {
  uint32_t& bucket = buckets_[BucketOf(entries_[path].address)];
  entries_[path].next = bucket;
  bucket = path;
}

void PathTable::Grow() {
  buckets_.assign(2 * buckets_.size(), kNone);
  for (uint32_t path = 0; path < entries_.size(); path++) {
    if (entries_[path].is_used) Link(path);
  }
}

size_t PathTable::BucketOf(const Address& address) const {
  const uint8_t* p = address.octets;
  uint64_t hash = salt_;
  // 22 octets as three words, the last of which overlaps.
  for (const uint64_t word : {Load64(p), Load64(p + 8), Load64(p + 14)}) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return static_cast<size_t>(hash) & (buckets_.size() - 1);
}

}  // namespace stt
