#include "packet_engine.h"

#include <algorithm>

namespace stt {

namespace {

/** First octet of an STTFrame (STT §1). */
constexpr uint8_t kFrameMagic = 'S';

bool IsPacket(Bytes datagram) { return datagram.size >= kPacketOverhead && (datagram.data[0] & kPacketBit) != 0; }

/** A datagram that did not open ends with the token of its session (STT §5). */
bool IsReset(const Session& session, Bytes datagram) {
  return session.has_reset_token && datagram.size >= kMinReset && datagram.size <= kMaxReset &&
         ConstantTimeEqual(session.reset_token, datagram.data + datagram.size - kResetTokenOctets, kResetTokenOctets);
}

uint64_t SessionIdOf(Bytes packet) { return Load64(packet.data + kSessionIdAt); }

}  // namespace

size_t StreamRun::left() const {
  if (octets.size == 0) return fin ? 1 : 0;
  return (octets.size + payload - 1) / payload;
}

PacketEngine::PacketEngine(const BatchMemory& memory, size_t transmit_octets, uint64_t salt)
    : batch_(memory),
      transmit_(transmit_octets),
      transmit_octets_(transmit_octets),
      sessions_(salt),
      paths_(salt),
      handshakes_(salt) {}

bool PacketEngine::Receive(BurstCursor* cursor) {
  while (cursor->index < cursor->count) {
    const Burst& burst = cursor->bursts[cursor->index];
    const size_t count = TakeWindow(cursor);
    if (count == 0) return false;
    ReceiveWindow(count, burst);
  }
  return true;
}

void PacketEngine::Delivered() {
  batch_.Clear();
  SettleIfIdle();
}

void PacketEngine::SettleIfIdle() {
  if (batch_.row_count() > 0) return;
  sessions_.Settle();
  paths_.Settle();
}

/** Puts the next datagrams of a burst into the window, as many as the batch is sure to have room for. */
size_t PacketEngine::TakeWindow(BurstCursor* cursor) {
  const Burst& burst = cursor->bursts[cursor->index];
  size_t count = 0;
  size_t octets = 0;
  bool is_done = false;
  while (!is_done && count < kWindow) {
    const uint32_t left = burst.size - cursor->done;
    const uint32_t size = burst.segment > 0 ? std::min(burst.segment, left) : left;
    if (!batch_.HasRoom(count + 1, octets + size)) break;
    window_[count++] = {burst.octets + cursor->done, size};
    octets += size;
    cursor->done += size;
    is_done = cursor->done == burst.size;
  }
  if (is_done) {
    cursor->index++;
    cursor->done = 0;
  }
  counters_.datagrams_received += count;
  counters_.octets_received += octets;
  return count;
}

void PacketEngine::ReceiveWindow(size_t count, const Burst& burst) {
  uint32_t path = paths_.Find(burst.from);
  for (size_t i = 0; i < count;) {
    const Bytes datagram = window_[i];
    if (IsPacket(datagram)) {
      const uint64_t id = SessionIdOf(datagram);
      size_t end = i + 1;
      while (end < count && IsPacket(window_[end]) && SessionIdOf(window_[end]) == id) end++;
      ReceiveSession(window_ + i, end - i, burst, &path);
      i = end;
      continue;
    }
    if (datagram.size > 0 && datagram.data[0] == kFrameMagic) {
      ReceiveHandshake(datagram, burst, path);
    } else {
      counters_.dropped_malformed++;
    }
    i++;
  }
}

/** Packets with one and the same session id. */
void PacketEngine::ReceiveSession(const Bytes* packets, size_t count, const Burst& burst, uint32_t* path) {
  const uint32_t slot = sessions_.Find(SessionIdOf(packets[0]));
  if (slot == SessionTable::kNone) {
    counters_.dropped_unknown_session += count;
    for (size_t i = 0; i < count && strays_ > 0; i++, strays_--) batch_.AddStray(*path, packets[i], burst.from);
    return;
  }
  Session* session = sessions_.At(slot);
  for (size_t i = 0; i < count; i++) {
    memcpy(samples_ + i * kSampleOctets, packets[i].data + kHeaderOctets, kSampleOctets);
  }
  if (!session->receive_mask.Compute(samples_, count, masks_)) {
    counters_.dropped_no_key += count;
    return;
  }
  ReceiveBatch::Source source = {slot, *path, burst.ecn};
  for (size_t i = 0; i < count; i++) {
    Opened opened;
    const OpenStatus status = Open(session, packets[i], masks_ + i * kSampleOctets, &opened);
    if (status != OpenStatus::kOpened && IsReset(*session, packets[i])) {
      counters_.resets_received++;
      batch_.AddReset(source);
      continue;
    }
    switch (status) {
      case OpenStatus::kOpened: {
        counters_.packets_opened++;
        if (*path == PathTable::kNone) source.path = *path = paths_.Meet(burst.from);
        source.marks = burst.ecn | opened.phase << kPhaseShift;
        if (opened.is_bad) {
          batch_.AddBadPacket(source, opened.pn);
        } else {
          batch_.AddPacket(source, opened.pn, packets[i].size - kPacketOverhead);
        }
        batch_.EndOpening();
        break;
      }
      case OpenStatus::kReplay:
        counters_.dropped_replays++;
        break;
      case OpenStatus::kNoKey:
        counters_.dropped_no_key++;
        break;
      case OpenStatus::kForgery:
        counters_.dropped_forgeries++;
        if (--session->forgeries_left == 0) batch_.AddForgeryLimit(source);
        break;
    }
  }
}

/** If opened, the plaintext lies where BeginOpening said, and EndOpening is to be called. */
OpenStatus PacketEngine::Open(Session* session, Bytes packet, const uint8_t* mask, Opened* opened) {
  uint8_t header[kHeaderOctets];
  memcpy(header, packet.data, kHeaderOctets);
  MaskHeader(header, mask);
  const uint64_t pn = ExpandPacketNumber(session->window.next(), Load32(header + kPacketNumberAt));
  // Beyond that nobody sends: a session closes before (STT §5).
  if (pn > kMaxVarint) return OpenStatus::kForgery;
  if (!session->window.WillAccept(pn)) return OpenStatus::kReplay;
  ReceiveKeys* const keys = session->KeysFor(header[0] & kPhaseBit, pn);
  if (keys == nullptr) return OpenStatus::kNoKey;
  uint8_t nonce[kNonceOctets];
  MakeNonce(keys->iv, pn, nonce);
  const Bytes sealed = {packet.data + kHeaderOctets, packet.size - kHeaderOctets};
  if (!keys->cipher.Open(nonce, {header, kHeaderOctets}, sealed, batch_.BeginOpening())) {
    batch_.EndOpening();
    return OpenStatus::kForgery;
  }
  session->window.Mark(pn);
  opened->pn = pn;
  opened->phase = session->OnOpened(keys, pn);
  opened->is_bad = (header[0] & kReservedBits) != 0 || packet.size == kPacketOverhead;
  return OpenStatus::kOpened;
}

void PacketEngine::ReceiveHandshake(Bytes datagram, const Burst& burst, uint32_t path) {
  switch (handshakes_.Check(datagram, burst.from)) {
    case FilterStatus::kPassed:
      counters_.handshakes_received++;
      batch_.AddHandshake(path, handshakes_.seed_index(), datagram, burst.from);
      break;
    case FilterStatus::kUnproven:
      counters_.dropped_unproven++;
      ReplyCookie(datagram, burst.from);
      break;
    case FilterStatus::kStranger:
      counters_.dropped_strangers++;
      break;
    case FilterStatus::kMalformed:
      counters_.dropped_malformed++;
      break;
  }
}

/** Without room there is no answer: its sender comes again, and nobody waits for room because of it. */
void PacketEngine::ReplyCookie(Bytes hello, const Address& from) {
  constexpr size_t kSize = CookieGuard::kReplyOctets;
  if (transmit_.RoomFor(kSize) == 0) return;
  if (handshakes_.WriteCookieReply(hello, from, transmit_.head())) transmit_.Push(from, 1, kSize, kSize);
}

/** Connections are many, slow and drained by JavaScript: what waits for them shall not hold up the socket. */
TransmitSlab& PacketEngine::SlabFor(const Address& to) {
  if (!IsConnection(to)) return transmit_;
  if (for_connections_ == nullptr) for_connections_ = std::make_unique<TransmitSlab>(transmit_octets_);
  return *for_connections_;
}

size_t PacketEngine::Seal(Session* session, const Destination& destination, StreamRun* run) {
  TransmitSlab& slab = SlabFor(destination.to);
  const size_t stride = kPacketOverhead + kStreamHeaderOctets + std::min(run->payload, run->octets.size);
  size_t taken = 0;
  for (size_t left = run->left(); left > 0;) {
    const size_t count = std::min({left, slab.RoomFor(stride), kWindow});
    if (count == 0) break;
    uint8_t* const begin = slab.head();
    size_t last = stride;
    for (size_t i = 0; i < count; i++) {
      const size_t size = std::min(run->payload, run->octets.size);
      const bool is_last = size == run->octets.size;
      uint8_t head[kStreamHeaderOctets];
      WriteStreamHeader({run->stream_id, run->offset, static_cast<uint32_t>(size), run->fin && is_last}, head);
      if (!SealPacket(session, run->pn, {head, sizeof head}, {run->octets.data, size}, begin + i * stride)) return taken;
      run->pn++;
      run->offset += size;
      run->octets = {run->octets.data + size, run->octets.size - size};
      last = kPacketOverhead + kStreamHeaderOctets + size;
    }
    if (!ProtectHeaders(session, begin, count, stride)) return taken;
    slab.Push(destination.to, count, stride, last, destination.ecn);
    taken += count;
    left -= count;
  }
  return taken;
}

bool PacketEngine::SealFrames(Session* session, const Destination& destination, uint64_t pn, Bytes frames) {
  const size_t size = kPacketOverhead + frames.size;
  TransmitSlab& slab = SlabFor(destination.to);
  if (slab.RoomFor(size) == 0) return false;
  uint8_t* const packet = slab.head();
  if (!SealPacket(session, pn, frames, {}, packet)) return false;
  if (!ProtectHeaders(session, packet, 1, size)) return false;
  slab.Push(destination.to, 1, size, size, destination.ecn);
  return true;
}

bool PacketEngine::Queue(const Address& to, Bytes datagram) {
  TransmitSlab& slab = SlabFor(to);
  if (slab.RoomFor(datagram.size) == 0) return false;
  if (datagram.size > 0) memcpy(slab.head(), datagram.data, datagram.size);
  slab.Push(to, 1, datagram.size, datagram.size);
  return true;
}

/** Writes a packet whose header is not protected yet. */
bool PacketEngine::SealPacket(Session* session, uint64_t pn, Bytes head, Bytes body, uint8_t* out) {
  uint8_t nonce[kNonceOctets];
  SendKeys* const keys = session->send();
  MakeNonce(keys->iv, pn, nonce);
  WriteHeader(session->id, session->send_phase(), pn, out);
  return keys->cipher.Seal(nonce, {out, kHeaderOctets}, head, body, out + kHeaderOctets);
}

bool PacketEngine::ProtectHeaders(Session* session, uint8_t* packets, size_t count, size_t stride) {
  for (size_t i = 0; i < count; i++) {
    memcpy(samples_ + i * kSampleOctets, packets + i * stride + kHeaderOctets, kSampleOctets);
  }
  if (!session->send_mask.Compute(samples_, count, masks_)) return false;
  for (size_t i = 0; i < count; i++) MaskHeader(packets + i * stride, masks_ + i * kSampleOctets);
  return true;
}

}  // namespace stt
