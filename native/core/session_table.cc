#include "session_table.h"

#include <utility>

#include "kdf.h"

namespace stt {

// OpenSSL wipes the keys in its contexts when they are freed.
Session::~Session() {
  Wipe(send_iv, sizeof send_iv);
  Wipe(receive_iv, sizeof receive_iv);
}

bool Session::Init(Suite suite, const DirectionKeys& send, const DirectionKeys& receive) {
  memcpy(send_iv, send.iv, kNonceOctets);
  memcpy(receive_iv, receive.iv, kNonceOctets);
  return sealer.Init(suite, send.key) && send_mask.Init(suite, send.hp) && opener.Init(suite, receive.key) &&
         receive_mask.Init(suite, receive.hp);
}

uint32_t SessionTable::Add(std::unique_ptr<Session> session) {
  const uint32_t slot = slots_.Take();
  if (slot == sessions_.size()) sessions_.emplace_back();
  by_id_.Set(session->id, slot);
  sessions_[slot] = std::move(session);
  return slot;
}

void SessionTable::Remove(uint32_t slot) {
  if (At(slot) == nullptr) return;
  by_id_.Delete(sessions_[slot]->id);
  sessions_[slot].reset();
  slots_.Return(slot);
}

void SessionTable::RemoveAll() {
  for (uint32_t slot = 0; slot < sessions_.size(); slot++) Remove(slot);
}

}  // namespace stt
