#ifndef STT_NET_BUSY_POLL_H_
#define STT_NET_BUSY_POLL_H_

#include <cstdint>

namespace stt {

/**
 * Whether to wait for an answer awake. A thread that sleeps until its socket is readable is woken by the system tens of
 * microseconds late, which is more than a near peer needs to answer: in an exchange of questions and answers most of the
 * time is spent on waking up. So the event loop polls for a while, as hypervisors and network drivers do, where it pays:
 * after little was sent (bulk gains by waiting and working on more at once), and only while answers do come that soon.
 *
 * Knows no clock and no socket. Times are nanoseconds of one clock that never goes back.
 */
class BusyPoll {
 public:
  /** `limit`: how long an answer is waited for awake; 0 = never. */
  explicit BusyPoll(uint64_t limit) : limit_(limit) {}

  /** What asks for an answer was handed to the system, `datagrams` of `octets` in all. */
  void Sent(uint64_t now, uint64_t datagrams, uint64_t octets);
  /** Something was received. */
  void Received(uint64_t now);
  /** Until when to poll; in the past or 0: not at all. */
  uint64_t Deadline() const;
  /** What came of polling until then, or until something happened. */
  void Polled(bool is_ready);

  /** Waits that were begun awake, and those of them that something ended in time. */
  uint64_t polls() const { return polls_; }
  uint64_t hits() const { return hits_; }

 private:
  /** Sent without an answer in between, more datagrams are no question any more. */
  static constexpr uint64_t kMaxQuestion = 4;
  /** As many octets count as a datagram, however few there are: jumbo packets are bulk, too. */
  static constexpr uint64_t kDatagramOctets = 1500;
  /** After vain polls, at most so many answers in a row have to come in time before the next. */
  static constexpr uint32_t kMaxProof = 1024;
  /** As many late answers in a row are forgiven, less one. */
  static constexpr uint32_t kMinProof = 8;

  const uint64_t limit_;
  /** When the question at hand was asked, of how many datagrams it is, and whether anything came since. */
  uint64_t asked_at_ = 0;
  uint64_t datagrams_ = 0;
  bool is_answered_ = true;
  /** Answers that came in time, less those that came later, and how many it takes. */
  uint32_t proofs_ = 0;
  uint32_t needed_ = 1;
  uint64_t polls_ = 0;
  uint64_t hits_ = 0;
};

}  // namespace stt

#endif  // STT_NET_BUSY_POLL_H_
