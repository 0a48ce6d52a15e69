#include "busy_poll.h"

#include <algorithm>

namespace stt {

void BusyPoll::Sent(uint64_t now, uint64_t datagrams, uint64_t octets) {
  datagrams = std::max(datagrams, octets / kDatagramOctets);
  datagrams_ = is_answered_ ? datagrams : datagrams_ + datagrams;
  is_answered_ = false;
  asked_at_ = now;
}

void BusyPoll::Received(uint64_t now) {
  if (is_answered_) return;
  is_answered_ = true;
  if (datagrams_ > kMaxQuestion) return;
  if (now - asked_at_ > limit_) {
    proofs_ = proofs_ > 0 ? proofs_ - 1 : 0;
  } else {
    proofs_ = std::min(proofs_ + 1, std::max(needed_, kMinProof));
  }
}

uint64_t BusyPoll::Deadline() const {
  return datagrams_ <= kMaxQuestion && proofs_ >= needed_ ? asked_at_ + limit_ : 0;
}

void BusyPoll::Polled(bool is_ready) {
  polls_++;
  if (is_ready) {
    hits_++;
    needed_ = std::max(needed_ / 2, uint32_t{1});
    return;
  }
  // In vain: perhaps the peer waits for this very processor. Each time it takes twice as much to be believed again.
  proofs_ = 0;
  needed_ = std::min(2 * needed_, kMaxProof);
}

}  // namespace stt
