#include "receive_batch.h"

namespace stt {

ReceiveBatch::ReceiveBatch(const BatchMemory& memory) : memory_(memory), back_(memory.slab_size) {}

bool ReceiveBatch::HasRoom(size_t count, size_t octets) const {
  // Payload in front and a copy of it at the back are the worst a datagram can do.
  return row_count_ + 2 * count <= kMaxRows && back_ - front_ >= 2 * octets + count * kAddressOctets;
}

void ReceiveBatch::Clear() {
  row_count_ = 0;
  group_count_ = 0;
  front_ = kStreamHeaderOctets;
  back_ = memory_.slab_size;
  run_ = nullptr;
}

uint8_t* ReceiveBatch::BeginOpening() {
  opened_at_ = memory_.slab + front_ - kStreamHeaderOctets;
  memcpy(saved_, opened_at_, sizeof saved_);
  return opened_at_;
}

void ReceiveBatch::EndOpening() { memcpy(opened_at_, saved_, sizeof saved_); }

void ReceiveBatch::AddPacket(const Source& source, uint64_t pn, size_t size) {
  StreamHeader header;
  if (!ParseLeadingStream(opened_at_, size, &header)) {
    AddFrames(source, pn, opened_at_, size, 0);
    return;
  }
  AddStream(source, pn, header);
  const size_t used = kStreamHeaderOctets + header.length;
  if (size > used) AddFrames(source, pn, opened_at_ + used, size - used, kRestFlag);
  front_ += header.length;
}

void ReceiveBatch::AddBadPacket(const Source& source, uint64_t pn) { AddFrames(source, pn, opened_at_, 0, 0); }

void ReceiveBatch::AddHandshake(uint32_t path, uint32_t seed_index, Bytes frame, const Address& from) {
  OpenGroup({kNothing, path, 0});
  back_ -= frame.size;
  const size_t begin = back_;
  memcpy(memory_.slab + begin, frame.data, frame.size);
  back_ -= kAddressOctets;
  memcpy(memory_.slab + back_, from.octets, kAddressOctets);
  AddRow(RowHead(kHandshakeRow, 0), begin, frame.size, seed_index, 0, 0);
}

void ReceiveBatch::AddForgeryLimit(const Source& source) {
  OpenGroup(source);
  AddRow(RowHead(kForgeryLimitRow, 0), 0, 0, kNothing, 0, 0);
}

void ReceiveBatch::AddReset(const Source& source) {
  OpenGroup(source);
  AddRow(RowHead(kResetRow, 0), 0, 0, kNothing, 0, 0);
}

void ReceiveBatch::AddStray(uint32_t path, Bytes packet, const Address& from) {
  OpenGroup({kNothing, path, 0});
  back_ -= kSessionIdOctets;
  const size_t begin = back_;
  memcpy(memory_.slab + begin, packet.data + kSessionIdAt, kSessionIdOctets);
  back_ -= kAddressOctets;
  memcpy(memory_.slab + back_, from.octets, kAddressOctets);
  AddRow(RowHead(kStrayRow, 0), begin, kSessionIdOctets, static_cast<uint32_t>(packet.size), 0, 0);
}

void ReceiveBatch::AddStream(const Source& source, uint64_t pn, const StreamHeader& header) {
  if (run_ != nullptr && run_[kStreamId] == header.stream_id && next_offset_ == header.offset && next_pn_ == pn &&
      RowCount(run_[kHead]) < kMaxCount && IsInGroup(source)) {
    run_[kHead] += kOnePacket | (header.end ? kEndFlag << 8 : 0);
    run_[kLength] += header.length;
  } else {
    OpenGroup(source);
    run_ = AddRow(RowHead(kStreamRow, header.end ? kEndFlag : 0), front_, header.length, header.stream_id,
                  header.offset, pn);
  }
  // Nothing continues behind the end of a stream.
  if (header.end) run_ = nullptr;
  next_offset_ = header.offset + header.length;
  next_pn_ = pn + 1;
}

void ReceiveBatch::AddFrames(const Source& source, uint64_t pn, const uint8_t* octets, size_t size, uint32_t flags) {
  OpenGroup(source);
  back_ -= size;
  // There may be too little room between front and back for the two not to overlap.
  memmove(memory_.slab + back_, octets, size);
  AddRow(RowHead(kFramesRow, flags), back_, size, kNothing, 0, pn);
}

uint32_t* ReceiveBatch::AddRow(uint32_t head, size_t begin, size_t length, uint32_t stream_id, uint64_t offset,
                               uint64_t pn) {
  uint32_t* row = memory_.rows + kRowWords * row_count_++;
  row[kHead] = head;
  row[kBegin] = static_cast<uint32_t>(begin);
  row[kLength] = static_cast<uint32_t>(length);
  row[kStreamId] = stream_id;
  row[kOffsetLow] = static_cast<uint32_t>(offset);
  row[kOffsetHigh] = static_cast<uint32_t>(offset >> 32);
  row[kPnLow] = static_cast<uint32_t>(pn);
  row[kPnHigh] = static_cast<uint32_t>(pn >> 32);
  run_ = nullptr;
  return row;
}

bool ReceiveBatch::IsInGroup(const Source& source) const {
  if (group_count_ == 0) return false;
  const uint32_t* group = memory_.groups + kGroupWords * (group_count_ - 1);
  return group[kSlot] == source.slot && group[kPath] == source.path && group[kMarks] == source.marks;
}

void ReceiveBatch::OpenGroup(const Source& source) {
  if (IsInGroup(source)) return;
  uint32_t* group = memory_.groups + kGroupWords * group_count_++;
  group[kFirstRow] = row_count_;
  group[kSlot] = source.slot;
  group[kPath] = source.path;
  group[kMarks] = source.marks;
}

}  // namespace stt
