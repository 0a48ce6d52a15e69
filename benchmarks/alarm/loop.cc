#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "frame.h"
#include "packet_engine.h"

// The loops of the native core that run for every datagram, for `instructions.mjs` to count their instructions:
//
//   loop seal|open|frames|strangers|parse
//
// What Measured() does is counted, what comes before warms up. Prints the number of packets measured.

namespace {

using namespace stt;

constexpr uint64_t kSessionId = 0x0102030405060708;
constexpr size_t kPacket = 1400;
constexpr size_t kPayload = kPacket - kPacketOverhead - kStreamHeaderOctets;
constexpr size_t kChunk = 65536;
constexpr size_t kSlab = 1280 * 1024;
constexpr size_t kTransmit = 1024 * 1024;
constexpr int kWarmUp = 4;
constexpr int kRounds = 40;

void Require(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "the loop did not work: %s\n", what);
  exit(1);
}

struct Train {
  std::vector<uint8_t> octets;
  uint32_t segment;
};

/** An engine with one session that speaks to itself: it opens what it sealed. */
class Loop {
 public:
  Loop() : rows_(kMaxRows * kRowWords), groups_(kMaxRows * kGroupWords), slab_(kSlab), chunk_(kChunk, 7) {
    memset(to_.octets, 1, kAddressOctets);
    engine_.reset(new PacketEngine({rows_.data(), groups_.data(), slab_.data(), kSlab}, kTransmit, 1));
    engine_->paths().Open(to_);
    uint8_t key[kKeyOctets];
    memset(key, 0x11, sizeof key);
    std::unique_ptr<Session> session(new Session);
    session_ = session.get();
    const DirectionKeys keys = {key, key, key};
    Require(session->Init(Suite::kAes256Gcm, keys, keys), "keys");
    session->id = kSessionId;
    session->forgeries_left = 1000000;
    engine_->sessions().Add(std::move(session));
    Require(engine_->handshakes().SetMac1Keys({{key, kHashOctets}}), "keys of HELLOs");
  }

  /** Seals a chunk. Gives the packets. */
  size_t Seal() {
    StreamRun run = {pn_, 1, offset_, false, {chunk_.data(), kChunk}, kPayload};
    const size_t count = engine_->Seal(session_, {to_, kEct0}, &run);
    pn_ += count;
    offset_ += kChunk;
    return count;
  }

  /** Seals an acknowledgement and what else such a packet carries. */
  size_t SealFrames() { return engine_->SealFrames(session_, {to_, kEct0}, pn_++, {chunk_.data(), 40}) ? 1 : 0; }

  /** What was sealed is sent: thrown away. */
  void Send() {
    while (!engine_->transmit().empty()) engine_->transmit().Pop();
  }

  /** What was sealed is on its way. */
  void Capture(std::vector<Train>* trains) {
    TransmitSlab& transmit = engine_->transmit();
    for (; !transmit.empty(); transmit.Pop()) {
      const TransmitSlab::Run& run = transmit.At(0);
      trains->push_back({std::vector<uint8_t>(run.octets, run.octets + run.size), run.segment});
    }
  }

  void Receive(const Train* trains, size_t count) {
    Burst bursts[8];
    for (size_t i = 0; i < count;) {
      BurstCursor cursor;
      cursor.bursts = bursts;
      for (; i < count && cursor.count < 8; i++, cursor.count++) {
        const Train& train = trains[i];
        bursts[cursor.count] = {train.octets.data(), static_cast<uint32_t>(train.octets.size()), train.segment, 0, to_};
      }
      while (!engine_->Receive(&cursor)) engine_->Delivered();
      engine_->Delivered();
    }
  }

  const EngineCounters& counters() { return engine_->counters(); }

 private:
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> groups_;
  std::vector<uint8_t> slab_;
  std::vector<uint8_t> chunk_;
  Address to_;
  std::unique_ptr<PacketEngine> engine_;
  Session* session_;
  uint64_t pn_ = 0;
  uint64_t offset_ = 0;
};

/** HELLOs of somebody without the seed, in trains of one. */
Train Hello() {
  constexpr size_t kHelloOctets = 1200;
  std::vector<uint8_t> payload(kHelloOctets - 4 - kFrameFixedOctets - 1, 3);
  payload[0] = 0x01;
  Frame frame;
  frame.type = 0x05;
  Store64(frame.session_id, 1);
  frame.payload = {payload.data(), payload.size()};
  std::vector<uint8_t> datagram(FrameSize(frame));
  Require(datagram.size() == kHelloOctets, "size of a HELLO");
  EncodeFrame(frame, datagram.data());
  return {datagram, kHelloOctets};
}

struct Work {
  Loop loop;
  std::vector<Train> trains;
  std::vector<uint8_t> frame;
  size_t packets = 0;
};

using Round = void (*)(Work*, int);

void SealRound(Work* work, int) {
  work->packets += work->loop.Seal();
  work->loop.Send();
}

/** A round has as many trains as any other. */
void OpenRound(Work* work, int round) {
  const size_t each = work->trains.size() / (kWarmUp + kRounds);
  work->loop.Receive(work->trains.data() + static_cast<size_t>(round) * each, each);
}

void ParseRound(Work* work, int) {
  for (int i = 0; i < 64; i++) {
    Frame frame;
    size_t read;
    Require(ParseFrame({work->frame.data(), work->frame.size()}, &frame, &read) == FrameStatus::kOk, "parsing");
    work->packets++;
  }
}

}  // namespace

/** The name by which callgrind knows what to count. */
extern "C" __attribute__((noinline, noclone, visibility("default"))) void Measured(Round round, Work* work) {
  for (int i = kWarmUp; i < kWarmUp + kRounds; i++) round(work, i);
}

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  Work work;
  Loop& loop = work.loop;
  Round round = OpenRound;
  const uint64_t kAll = kWarmUp + kRounds;
  if (what == "seal") {
    round = SealRound;
  } else if (what == "open") {
    for (uint64_t i = 0; i < kAll; i++) {
      loop.Seal();
      loop.Capture(&work.trains);
    }
  } else if (what == "frames") {
    for (uint64_t i = 0; i < kAll * 64; i++) loop.SealFrames();
    loop.Capture(&work.trains);
  } else if (what == "strangers") {
    work.trains.assign(kAll * 8, Hello());
  } else if (what == "parse") {
    round = ParseRound;
    work.frame = Hello().octets;
  } else {
    fprintf(stderr, "loop seal|open|frames|strangers|parse\n");
    return 2;
  }
  for (int i = 0; i < kWarmUp; i++) round(&work, i);
  work.packets = 0;
  const EngineCounters before = loop.counters();
  Measured(round, &work);
  const EngineCounters& after = loop.counters();
  const uint64_t received = after.datagrams_received - before.datagrams_received;
  if (what == "strangers") Require(after.dropped_strangers - before.dropped_strangers == received, "HELLOs are refused");
  else Require(after.packets_opened - before.packets_opened == received, "packets open");
  work.packets += received;
  Require(work.packets > 0, "there is something to measure");
  printf("%zu\n", work.packets);
  return 0;
}
