#include "udp_socket_wrap.h"

#include <poll.h>

#include <algorithm>

#include "freed_memory.h"
#include "kdf.h"
#include "napi_support.h"

namespace stt {

namespace {

napi_ref ReferenceTo(napi_env env, napi_value value) {
  napi_ref reference = nullptr;
  napi_create_reference(env, value, 1, &reference);
  return reference;
}

void DropReference(napi_env env, napi_ref* reference) {
  if (*reference != nullptr) napi_delete_reference(env, *reference);
  *reference = nullptr;
}

napi_ref MethodOf(napi_env env, napi_value object, const char* name) {
  napi_value method;
  napi_valuetype type;
  if (napi_get_named_property(env, object, name, &method) != napi_ok) return nullptr;
  if (napi_typeof(env, method, &type) != napi_ok || type != napi_function) return nullptr;
  return ReferenceTo(env, method);
}

/** A typed array over memory that `owner` keeps. */
napi_value ShareArray(napi_env env, const std::shared_ptr<SharedMemory>& owner, napi_typedarray_type type, void* data,
                      size_t size, size_t length) {
  auto* kept = new std::shared_ptr<SharedMemory>(owner);
  const auto drop = [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<SharedMemory>*>(hint); };
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, data, size, drop, kept, &buffer) != napi_ok) {
    delete kept;
    return nullptr;
  }
  napi_value array;
  return napi_create_typedarray(env, type, length, buffer, 0, &array) == napi_ok ? array : nullptr;
}

uint64_t MakeSalt() {
  uint64_t salt = 0;
  // Without it strangers could at worst make look-ups slow.
  RandomOctets(reinterpret_cast<uint8_t*>(&salt), sizeof salt);
  return salt;
}

}  // namespace

SharedMemory::SharedMemory(size_t slab_size)
    : rows(new uint32_t[kMaxRows * kRowWords]()),
      groups(new uint32_t[kMaxRows * kGroupWords]()),
      slab(new uint8_t[slab_size]()),
      slab_size(slab_size) {}

EngineWrap::EngineWrap(napi_env env, const EngineConfig& config)
    : env_(env),
      memory_(std::make_shared<SharedMemory>(std::max(config.slab_octets, ReceiveBatch::kMinSlab))),
      core_(new PacketEngine(memory_->layout(), std::max(config.transmit_octets, kMaxDatagram), MakeSalt())),
      has_socket_(config.has_socket),
      busy_poll_(1000 * config.busy_poll_micros) {}

EngineWrap* EngineWrap::Create(napi_env env, napi_value self, napi_value events, const EngineConfig& config) {
  std::unique_ptr<EngineWrap, void (*)(EngineWrap*)> wrap(new EngineWrap(env, config), [](EngineWrap* w) { delete w; });
  if (config.has_socket && !wrap->socket_.Open(config.socket)) {
    const SocketError& error = wrap->socket_.error();
    napi_throw(env, MakeSystemError(env, error.number, error.syscall, config.host.c_str(), config.port));
    return nullptr;
  }
  if (!wrap->Attach(self, events)) {
    wrap->Release();
    bool is_pending = false;
    napi_is_exception_pending(env, &is_pending);
    if (!is_pending) ThrowType(env, "Events need the functions onBatch, onWritable and onError");
    return nullptr;
  }
  KeepFreedMemory();
  return wrap.release();
}

bool EngineWrap::Attach(napi_value self, napi_value events) {
  on_batch_ = MethodOf(env_, events, "onBatch");
  on_writable_ = MethodOf(env_, events, "onWritable");
  on_error_ = MethodOf(env_, events, "onError");
  if (on_batch_ == nullptr || on_writable_ == nullptr || on_error_ == nullptr) return false;
  events_ = ReferenceTo(env_, events);
  if (napi_async_init(env_, nullptr, MakeText(env_, "STT_ENGINE"), &context_) != napi_ok) return false;
  uv_loop_t* loop = nullptr;
  if (!ShareMemory(self) || napi_get_uv_event_loop(env_, &loop) != napi_ok) return false;
  if (napi_wrap(env_, self, this, Finalize, nullptr, &self_) != napi_ok) return false;
  return !has_socket_ || AttachSocket(loop, self);
}

/** The last step: a JavaScript object that is wrapped owns this one. */
bool EngineWrap::AttachSocket(uv_loop_t* loop, napi_value self) {
  const int status = uv_poll_init_socket(loop, &poll_, socket_.fd());
  if (status != 0) {
    napi_remove_wrap(env_, self, nullptr);
    napi_throw(env_, MakeSystemError(env_, -status, "uv_poll_init", "", 0));
    return false;
  }
  uv_timer_init(loop, &linger_);
  uv_prepare_init(loop, &idle_);
  poll_.data = linger_.data = idle_.data = this;
  open_handles_ = 3;
  napi_reference_ref(env_, self_, nullptr);
  napi_add_async_cleanup_hook(env_, OnCleanup, this, &cleanup_);
  UpdatePoll();
  uv_prepare_start(&idle_, [](uv_prepare_t* handle) { static_cast<EngineWrap*>(handle->data)->OnIdle(); });
  // It is the socket that keeps the process.
  uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
  return true;
}

bool EngineWrap::ShareMemory(napi_value self) {
  SharedMemory& memory = *memory_;
  constexpr size_t kRowsLength = kMaxRows * kRowWords;
  constexpr size_t kGroupsLength = kMaxRows * kGroupWords;
  const struct {
    const char* name;
    napi_value array;
  } arrays[] = {
      {"rows", ShareArray(env_, memory_, napi_uint32_array, memory.rows.get(), 4 * kRowsLength, kRowsLength)},
      {"groups", ShareArray(env_, memory_, napi_uint32_array, memory.groups.get(), 4 * kGroupsLength, kGroupsLength)},
      {"slab", ShareArray(env_, memory_, napi_uint8_array, memory.slab.get(), memory.slab_size, memory.slab_size)},
  };
  for (const auto& [name, array] : arrays) {
    if (array == nullptr) return false;
    SetProperty(env_, self, name, array);
  }
  return true;
}

bool EngineWrap::SendNow() {
  if (is_blocked_ || has_send_failed_) return false;
  const SendCounters before = socket_.counters();
  const SendStatus status = socket_.Send(&core_->transmit());
  if (has_question_) {
    has_question_ = false;
    const SendCounters& after = socket_.counters();
    busy_poll_.Sent(uv_hrtime(), after.datagrams - before.datagrams, after.octets - before.octets);
  }
  switch (status) {
    case SendStatus::kDone:
      return true;
    case SendStatus::kBlocked:
      core_->CountBlocked();
      is_blocked_ = true;
      UpdatePoll();
      return false;
    case SendStatus::kFailed:
      has_send_failed_ = true;
      return false;
  }
  return false;
}

bool EngineWrap::MakeRoom(const Address& to) { return has_socket_ && !IsConnection(to) && SendNow(); }

void EngineWrap::NoteRefusal() {
  has_refused_ = true;
  if (!has_socket_) core_->CountBlocked();
}

void EngineWrap::Flush() {
  if (has_socket_ && is_open()) SendNow();
}

bool EngineWrap::ThrowSendFailure() {
  if (!has_send_failed_ || !is_open()) return false;
  const SocketError& error = socket_.error();
  napi_throw(env_, MakeSystemError(env_, error.number, error.syscall, "", 0));
  return true;
}

void EngineWrap::Receive(const Burst& burst) {
  BurstCursor cursor = {&burst, 1, 0, 0};
  while (is_open() && !core_->Receive(&cursor)) {
    Deliver();
    bool is_pending = false;
    if (napi_is_exception_pending(env_, &is_pending) != napi_ok || is_pending) return;
  }
}

void EngineWrap::Deliver() {
  receive_calls_++;
  if (core_->batch().row_count() == 0 || !is_open()) return;
  const napi_value args[] = {MakeU32(env_, core_->batch().row_count()), MakeU32(env_, core_->batch().group_count())};
  is_delivering_ = true;
  napi_call_function(env_, Dereference(events_), Dereference(on_batch_), 2, args, nullptr);
  is_delivering_ = false;
  core_->Delivered();
}

void EngineWrap::Emptied(uint64_t datagrams, uint64_t octets) {
  core_->transmit().Clear();
  taken_.calls++;
  taken_.datagrams += datagrams;
  taken_.octets += octets;
  if (!has_refused_ || !is_open()) return;
  has_refused_ = false;
  napi_call_function(env_, Dereference(events_), Dereference(on_writable_), 0, nullptr, nullptr);
}

void EngineWrap::EmptiedForConnections(uint64_t datagrams, uint64_t octets) {
  core_->for_connections()->Clear();
  taken_.datagrams += datagrams;
  taken_.octets += octets;
}

SendCounters EngineWrap::counters() const {
  SendCounters sum = taken_;
  if (!has_socket_) return sum;
  const SendCounters& sent = socket_.counters();
  sum.datagrams += sent.datagrams;
  sum.octets += sent.octets;
  sum.calls += sent.calls;
  sum.errors += sent.errors;
  return sum;
}

void EngineWrap::UpdatePoll() {
  if (open_handles_ == 0 || state_ == State::kClosed) return;
  const int events = (is_open() ? UV_READABLE : 0) | (is_blocked_ ? UV_WRITABLE : 0);
  uv_poll_start(&poll_, events, [](uv_poll_t* handle, int status, int ready) {
    static_cast<EngineWrap*>(handle->data)->OnPoll(status, ready);
  });
}

void EngineWrap::OnPoll(int status, int events) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return;
  if (status < 0) {
    Fail({-status, "poll"});
  } else {
    if ((events & UV_WRITABLE) != 0) OnWritable();
    if ((events & UV_READABLE) != 0 && is_open()) OnReadable();
  }
  napi_close_handle_scope(env_, scope);
}

void EngineWrap::OnReadable() {
  for (int batch = 0; batch < kMaxBatches && is_open(); batch++) {
    const Burst* bursts = nullptr;
    const int count = socket_.Receive(&bursts);
    if (count < 0) Fail(socket_.error());
    if (count <= 0) return;
    receive_calls_++;
    busy_poll_.Received(uv_hrtime());
    BurstCursor cursor = {bursts, static_cast<size_t>(count), 0, 0};
    for (bool is_done = false; !is_done && is_open();) {
      is_done = core_->Receive(&cursor);
      DeliverFromLoop();
    }
    // Cookies, of which JavaScript knows nothing.
    if (is_open()) SendNow();
    // Fewer than asked for: there are no more.
    if (count < static_cast<int>(UdpSocket::kMaxBursts)) return;
  }
}

void EngineWrap::OnIdle() {
  uint64_t deadline = busy_poll_.Deadline();
  const uint64_t now = deadline == 0 ? 0 : uv_hrtime();
  if (now >= deadline || !is_open()) return;
  // Milliseconds until the next timer, negative if there is none.
  const int timeout = uv_backend_timeout(idle_.loop);
  if (timeout == 0) return;
  if (timeout > 0) deadline = std::min(deadline, now + 1000000 * static_cast<uint64_t>(timeout));
  // Of the whole loop, so that nothing else waits for this socket: its descriptor is readable when any of them is.
  pollfd loop = {uv_backend_fd(idle_.loop), POLLIN, 0};
  int ready;
  do {
    ready = poll(&loop, 1, 0);
  } while (ready == 0 && uv_hrtime() < deadline);
  busy_poll_.Polled(ready > 0);
}

void EngineWrap::DeliverFromLoop() {
  if (core_->batch().row_count() == 0) return;
  const napi_value args[] = {MakeU32(env_, core_->batch().row_count()), MakeU32(env_, core_->batch().group_count())};
  is_delivering_ = true;
  CallFromLoop(on_batch_, 2, args);
  is_delivering_ = false;
  core_->Delivered();
}

void EngineWrap::OnWritable() {
  is_blocked_ = false;
  const bool is_sent = SendNow();
  if (state_ == State::kClosing) {
    if (is_sent || has_send_failed_) CloseHandles();
    return;
  }
  if (has_send_failed_) {
    Fail(socket_.error());
    return;
  }
  if (!is_sent) return;
  UpdatePoll();
  if (!has_refused_) return;
  has_refused_ = false;
  CallFromLoop(on_writable_, 0, nullptr);
}

/** Tells JavaScript, which closes the engine. */
void EngineWrap::Fail(const SocketError& error) {
  uv_poll_stop(&poll_);
  if (state_ == State::kClosing) {
    CloseHandles();
    return;
  }
  const napi_value args[] = {MakeSystemError(env_, error.number, error.syscall, "", 0)};
  CallFromLoop(on_error_, 1, args);
}

void EngineWrap::Close(napi_value done) {
  if (!is_open()) return;
  state_ = State::kClosing;
  core_->sessions().RemoveAll();
  if (!has_socket_) {
    state_ = State::kClosed;
    core_->transmit().Clear();
    Release();
    napi_call_function(env_, done, done, 0, nullptr, nullptr);
    return;
  }
  done_ = ReferenceTo(env_, done);
  if (!is_blocked_ || has_send_failed_) {
    CloseHandles();
    return;
  }
  // What was flushed is still to be sent.
  UpdatePoll();
  uv_timer_start(
      &linger_, [](uv_timer_t* timer) { static_cast<EngineWrap*>(timer->data)->CloseHandles(); }, kLingerMs, 0);
}

void EngineWrap::CloseHandles() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  const auto on_closed = [](uv_handle_t* handle) { static_cast<EngineWrap*>(handle->data)->OnHandleClosed(); };
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&linger_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), on_closed);
  // The loop has let go of it: the port is free at once.
  socket_.Close();
}

void EngineWrap::OnHandleClosed() {
  if (--open_handles_ > 0) return;
  if (!is_tearing_down_) {
    napi_handle_scope scope;
    if (napi_open_handle_scope(env_, &scope) == napi_ok) {
      CallFromLoop(done_, 0, nullptr);
      napi_close_handle_scope(env_, scope);
    }
  }
  Release();
  napi_reference_unref(env_, self_, nullptr);
  // Behind this the environment may be gone, and the finalizer may have run.
  const napi_async_cleanup_hook_handle cleanup = cleanup_;
  cleanup_ = nullptr;
  if (is_finalized_) delete this;
  if (cleanup != nullptr) napi_remove_async_cleanup_hook(cleanup);
}

/** Gives back what refers to JavaScript, but for the object itself. */
void EngineWrap::Release() {
  DropReference(env_, &on_batch_);
  DropReference(env_, &on_writable_);
  DropReference(env_, &on_error_);
  DropReference(env_, &events_);
  DropReference(env_, &done_);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  context_ = nullptr;
}

/** The environment ends: nothing is called back any more, but the handles still have to be closed. */
void EngineWrap::OnCleanup(napi_async_cleanup_hook_handle, void* data) {
  auto* wrap = static_cast<EngineWrap*>(data);
  wrap->is_tearing_down_ = true;
  wrap->CloseHandles();
}

void EngineWrap::Finalize(napi_env env, void* data, void*) {
  auto* wrap = static_cast<EngineWrap*>(data);
  DropReference(env, &wrap->self_);
  if (wrap->open_handles_ > 0) {
    wrap->is_finalized_ = true;
    return;
  }
  wrap->Release();
  delete wrap;
}

/** Calls back with nothing of JavaScript on the stack; what is thrown becomes an uncaughtException. */
void EngineWrap::CallFromLoop(napi_ref function, size_t count, const napi_value* args) {
  const napi_status status =
      napi_make_callback(env_, context_, Dereference(events_), Dereference(function), count, args, nullptr);
  if (status == napi_ok) return;
  bool is_pending = false;
  napi_value exception;
  if (napi_is_exception_pending(env_, &is_pending) != napi_ok || !is_pending) return;
  if (napi_get_and_clear_last_exception(env_, &exception) == napi_ok) napi_fatal_exception(env_, exception);
}

napi_value EngineWrap::Dereference(napi_ref reference) const {
  napi_value value = nullptr;
  if (reference != nullptr) napi_get_reference_value(env_, reference, &value);
  return value;
}

}  // namespace stt
