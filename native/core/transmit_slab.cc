#include "transmit_slab.h"

#include "packet.h"

namespace stt {

TransmitSlab::TransmitSlab(size_t size) : size_(size), octets_(new uint8_t[size]) { runs_.reserve(kMaxRuns); }

size_t TransmitSlab::RoomFor(size_t size) const {
  if (runs_.size() >= kMaxRuns) return 0;
  return size == 0 ? 1 : (size_ - head_) / size;
}

void TransmitSlab::Push(const Address& to, size_t count, size_t segment, size_t last, uint32_t ecn) {
  while (count > 0) {
    const size_t octets = count == 1 ? last : segment;
    Run* run = empty() ? nullptr : &runs_.back();
    // Zero octets never join: the kernel cuts none off.
    const bool joins = run != nullptr && run->is_open && run->ecn == ecn && run->to == to && octets > 0 &&
                       octets <= run->segment && run->count < kMaxSegments && run->size + octets <= kMaxDatagram;
    if (joins) {
      run->size += static_cast<uint32_t>(octets);
      run->count++;
      run->is_open = octets == run->segment;
    } else {
      const uint32_t first = static_cast<uint32_t>(octets);
      runs_.push_back({to, head(), first, first, 1, 0, ecn, octets > 0, false, false, false});
    }
    head_ += octets;
    count--;
  }
}

void TransmitSlab::Pop() {
  next_++;
  if (empty()) Clear();
}

void TransmitSlab::Clear() {
  runs_.clear();
  next_ = 0;
  head_ = 0;
}

}  // namespace stt
