#include "session_table.h"

#include <utility>

namespace stt {

// OpenSSL wipes the keys in its contexts when they are freed.

bool Session::Init(Suite suite, const DirectionKeys& send, const DirectionKeys& receive) {
  suite_ = suite;
  send_ = std::make_unique<SendKeys>();
  receive_ = std::make_unique<ReceiveKeys>();
  return send_->Init(suite, send.key, send.iv) && send_mask.Init(suite, send.hp) &&
         receive_->Init(suite, receive.key, receive.iv) && receive_mask.Init(suite, receive.hp);
}

Session::NextKeys Session::InstallNext(const uint8_t* send_key, const uint8_t* send_iv, const uint8_t* receive_key,
                                       const uint8_t* receive_iv) {
  if (next_send_ != nullptr || next_receive_ != nullptr) return NextKeys::kStillWaiting;
  auto send = std::make_unique<SendKeys>();
  auto receive = std::make_unique<ReceiveKeys>();
  if (!send->Init(suite_, send_key, send_iv) || !receive->Init(suite_, receive_key, receive_iv)) {
    return NextKeys::kRefused;
  }
  next_send_ = std::move(send);
  next_receive_ = std::move(receive);
  return NextKeys::kInstalled;
}

void Session::SwitchSend() {
  if (next_send_ == nullptr) return;
  send_ = std::move(next_send_);
  send_phase_++;
}

uint32_t Session::OnOtherPhase(const ReceiveKeys* keys, uint64_t pn) {
  if (keys == old_receive_.get()) return receive_phase_ - 1;
  old_receive_ = std::move(receive_);
  receive_ = std::move(next_receive_);
  first_of_phase_ = pn;
  return ++receive_phase_;
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
