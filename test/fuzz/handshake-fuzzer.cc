#include "frame.h"
#include "fuzz-engine.h"

// Fuzzes the reception of handshake messages (STT §4), by one who holds a seed and by one who does not.
//
// Records:
//   0 a datagram as it is       1 a handshake frame: id (1), payload       2 a HELLO of 1,200 octets whose mac1 is right:
//   3 expect or forget an id    4 deliver                                    id (1), seed (1), payload
//   5 ask for cookies, or not (1); answers are taken out with the next delivery

namespace stt {
namespace fuzz {
namespace {

constexpr size_t kSeeds = 2;
constexpr size_t kHelloOctets = 1200;
constexpr size_t kHelloPayload = kHelloOctets - 2 - 2 - kFrameFixedOctets - 1;

class HandshakeFuzzer {
 public:
  HandshakeFuzzer() {
    std::vector<Bytes> keys;
    for (size_t seed = 0; seed < kSeeds; seed++) {
      memset(keys_[seed], static_cast<int>(seed + 1), kHashOctets);
      keys.push_back({keys_[seed], kHashOctets});
    }
    Require(engine_.engine().handshakes().SetMac1Keys(keys), "keys are good");
  }

  void Play(const Record& record) {
    switch (record.op) {
      case 0:
        return engine_.Receive(record.octets, 0);
      case 1:
        return SendFrame(record.At(0), record.From(1));
      case 2:
        return SendHello(record.At(0), record.At(1) % kSeeds, record.From(2));
      case 3: {
        HandshakeFilter& filter = engine_.engine().handshakes();
        if ((record.At(0) & 1) != 0) return filter.Expect(IdOf(record.At(1)));
        return filter.Forget(IdOf(record.At(1)));
      }
      case 4:
        engine_.engine().transmit().Clear();
        return engine_.Deliver();
      case 5:
        return SetGuard((record.At(0) & 1) != 0);
    }
  }

  void Finish() { engine_.Finish(); }

 private:
  static uint64_t IdOf(uint8_t id) { return id * uint64_t{0x0101010101010101}; }

  void SetGuard(bool on) {
    is_guarded_ = on;
    std::unique_ptr<CookieGuard> guard;
    if (on) {
      guard.reset(new CookieGuard());
      Require(guard->Init({{keys_[0], kKeyOctets}, {keys_[1], kKeyOctets}}, {{keys_[1], kHashOctets}}), "keys are good");
    }
    engine_.engine().handshakes().SetGuard(std::move(guard));
  }

  void SendFrame(uint8_t id, Bytes payload) {
    Frame frame;
    frame.type = 0x05;
    Store64(frame.session_id, IdOf(id));
    frame.payload = payload;
    std::vector<uint8_t> datagram(FrameSize(frame));
    EncodeFrame(frame, datagram.data());
    engine_.Receive({datagram.data(), datagram.size()}, 0);
  }

  void SendHello(uint8_t id, size_t seed, Bytes head) {
    uint8_t payload[kHelloPayload] = {};
    if (head.size > 0) memcpy(payload, head.data, head.size < kHelloPayload ? head.size : kHelloPayload);
    payload[0] = 0x01;
    uint8_t handshake_id[kSessionIdOctets];
    Store64(handshake_id, IdOf(id));
    uint8_t digest[kHashOctets];
    const Bytes parts[] = {{handshake_id, sizeof handshake_id}, {payload, kHelloPayload - 2 * kMacOctets}};
    Require(Sha256(parts, 2, digest), "hashing works");
    Hmac hmac;
    uint8_t mac[kHashOctets];
    const Bytes message = {digest, sizeof digest};
    Require(hmac.Init({keys_[seed], kHashOctets}) && hmac.Compute(&message, 1, mac), "hashing works");
    memcpy(payload + kHelloPayload - 2 * kMacOctets, mac, kMacOctets);
    const EngineCounters& counters = engine_.engine().counters();
    const uint64_t passed = counters.handshakes_received;
    const uint64_t unproven = counters.dropped_unproven;
    SendFrame(id, {payload, kHelloPayload});
    Require(counters.handshakes_received + counters.dropped_unproven == passed + unproven + 1 &&
                (is_guarded_ || counters.dropped_unproven == unproven),
            "a HELLO with a good mac1 passes, or is asked for a cookie");
  }

  FuzzEngine engine_;
  uint8_t keys_[kSeeds][kHashOctets];
  bool is_guarded_ = false;
};

}  // namespace
}  // namespace fuzz
}  // namespace stt

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stt::fuzz::HandshakeFuzzer fuzzer;
  stt::fuzz::Input input(data, size);
  stt::fuzz::Record record;
  while (input.Next(&record)) fuzzer.Play(record);
  fuzzer.Finish();
  return 0;
}
