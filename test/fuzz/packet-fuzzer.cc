#include "fuzz-engine.h"

// Fuzzes the reception of packets (STT §5, §6), by one who holds the keys of a session and by one who does not.
//
// First octet of an input: the suite. Then records:
//   0 a datagram as it is         1 a packet around the octets           2 a packet: bits of octet 0, jump of pn, payload
//   3 replay: which, where to damage, bits                               4 deliver
//   5 a STREAM frame that continues: stream, length, flags, what follows 6 a burst: octets of a segment (2), all octets

namespace stt {
namespace fuzz {
namespace {

constexpr size_t kMaxSent = 64;
constexpr size_t kMaxPayload = 2048;

class PacketFuzzer {
 public:
  explicit PacketFuzzer(Suite suite) {
    uint8_t key[kKeyOctets];
    uint8_t hp[kKeyOctets];
    memset(key, 0x11, sizeof key);
    memset(hp, 0x33, sizeof hp);
    memset(iv_, 0x22, sizeof iv_);
    Require(sealer_.Init(suite, key) && mask_.Init(suite, hp), "keys are good");
    std::unique_ptr<Session> session(new Session);
    const DirectionKeys keys = {key, iv_, hp};
    Require(session->Init(suite, keys, keys), "keys are good");
    session->id = kSessionId;
    session->forgeries_left = kForgeryLimit;
    engine_.engine().sessions().Add(std::move(session));
  }

  void Play(const Record& record) {
    switch (record.op) {
      case 0:
        return Send(record.octets);
      case 1:
        return Seal(0x80, record.octets);
      case 2:
        pn_ += static_cast<uint64_t>(record.At(1)) << (record.At(1) & 31);
        return Seal(0x80 | record.At(0), record.From(2));
      case 3:
        return Replay(record);
      case 4:
        return engine_.Deliver();
      case 5:
        return Continue(record);
      case 6:
        return engine_.Receive(record.From(2), static_cast<uint32_t>(record.At(0) << 8 | record.At(1)));
    }
  }

  void Finish() { engine_.Finish(); }

 private:
  void Send(Bytes datagram) {
    if (sent_.size() < kMaxSent) sent_.emplace_back(datagram.data, datagram.data + datagram.size);
    engine_.Receive(datagram, 0);
  }

  void Seal(uint8_t first, Bytes payload) {
    if (payload.size > kMaxPayload) payload.size = kMaxPayload;
    uint8_t packet[kPacketOverhead + kMaxPayload];
    WriteHeader(kSessionId, pn_, packet);
    packet[0] = first;
    uint8_t nonce[kNonceOctets];
    MakeNonce(iv_, pn_, nonce);
    Require(sealer_.Seal(nonce, {packet, kHeaderOctets}, payload, {}, packet + kHeaderOctets), "sealing works");
    uint8_t mask[kSampleOctets];
    Require(mask_.Compute(packet + kHeaderOctets, 1, mask), "masking works");
    MaskHeader(packet, mask);
    pn_++;
    Send({packet, kPacketOverhead + payload.size});
  }

  void Replay(const Record& record) {
    if (sent_.empty()) return;
    std::vector<uint8_t> copy = sent_[record.At(0) % sent_.size()];
    if (!copy.empty()) copy[record.At(1) % copy.size()] ^= record.At(2);
    engine_.Receive({copy.data(), copy.size()}, 0);
  }

  void Continue(const Record& record) {
    const uint32_t stream = record.At(0) & 3;
    const uint32_t length = record.At(1);
    const Bytes rest = record.From(3);
    std::vector<uint8_t> payload(kStreamHeaderOctets + length, record.At(1));
    WriteStreamHeader({stream, offsets_[stream], length, false}, payload.data());
    payload[1] = record.At(2);
    offsets_[stream] += length;
    payload.insert(payload.end(), rest.data, rest.data + rest.size);
    Seal(0x80, {payload.data(), payload.size()});
  }

  FuzzEngine engine_;
  Sealer sealer_;
  HeaderMask mask_;
  uint8_t iv_[kNonceOctets];
  uint64_t pn_ = 0;
  uint64_t offsets_[4] = {};
  std::vector<std::vector<uint8_t>> sent_;
};

}  // namespace
}  // namespace fuzz
}  // namespace stt

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  using stt::Suite;
  stt::fuzz::PacketFuzzer fuzzer((data[0] & 1) != 0 ? Suite::kChaCha20Poly1305 : Suite::kAes256Gcm);
  stt::fuzz::Input input(data + 1, size - 1);
  stt::fuzz::Record record;
  while (input.Next(&record)) fuzzer.Play(record);
  fuzzer.Finish();
  return 0;
}
