#include "fuzz-engine.h"

// Fuzzes the reception of packets (STT §5, §6), by one who holds the keys of a session and by one who does not.
//
// First octet of an input: the suite. Then records:
//   0 a datagram as it is         1 a packet around the octets           2 a packet: bits of octet 0, jump of pn, payload
//   3 replay: which, where to damage, bits                               4 deliver
//   5 a STREAM frame that continues: stream, length, flags, what follows 6 a burst: octets of a segment (2), all octets
//   7 key phases; bits: 1 the next keys are given, 2 used by the sender, 4 the old ones dropped

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
    memset(hp, 0x33, sizeof hp);
    MakeKeys(0, key, iv_);
    Require(sealer_.Init(suite, key) && mask_.Init(suite, hp), "keys are good");
    std::unique_ptr<Session> session(new Session);
    session_ = session.get();
    suite_ = suite;
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
        return Seal(0x80 | (phase_ & 1), record.octets);
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
      case 7:
        return Rotate(record.At(0));
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
    WriteHeader(kSessionId, 0, pn_, packet);
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
    Seal(0x80 | (phase_ & 1), {payload.data(), payload.size()});
  }

  static void MakeKeys(uint32_t phase, uint8_t* key, uint8_t* iv) {
    memset(key, static_cast<int>(0x11 + phase), kKeyOctets);
    memset(iv, static_cast<int>(0x22 + phase), kNonceOctets);
  }

  void Rotate(uint8_t bits) {
    uint8_t key[kKeyOctets];
    uint8_t iv[kNonceOctets];
    if ((bits & 1) != 0) {
      MakeKeys(given_ + 1, key, iv);
      const Session::NextKeys result = session_->InstallNext(key, iv, key, iv);
      Require(result != Session::NextKeys::kRefused, "keys are good");
      if (result == Session::NextKeys::kInstalled) given_++;
      session_->SwitchSend();
    }
    if ((bits & 2) != 0 && phase_ < given_) {
      MakeKeys(++phase_, key, iv_);
      Require(sealer_.Init(suite_, key), "keys are good");
    }
    if ((bits & 4) != 0) session_->DropOld();
  }

  FuzzEngine engine_;
  Session* session_ = nullptr;
  Suite suite_;
  /** Phase of the newest keys that the session has, and that packets are sealed in. */
  uint32_t given_ = 0;
  uint32_t phase_ = 0;
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
