#ifndef STT_NAPI_UDP_SOCKET_WRAP_H_
#define STT_NAPI_UDP_SOCKET_WRAP_H_

#include <node_api.h>
#include <uv.h>

#include <memory>
#include <string>

#include "busy_poll.h"
#include "packet_engine.h"
#include "udp_socket.h"

namespace stt {

/** What `new Engine(config, events)` is given. */
struct EngineConfig {
  bool has_socket = false;
  SocketOptions socket;
  size_t slab_octets = 0;
  size_t transmit_octets = 0;
  /** How long an answer is waited for awake, see BusyPoll. */
  uint64_t busy_poll_micros = 0;
  /** The address of `socket.bind` as text, for errors. */
  std::string host;
  uint32_t port = 0;
};

/** Memory that JavaScript sees as `rows`, `groups` and `slab`: lives as long as either side refers to it. */
struct SharedMemory {
  explicit SharedMemory(size_t slab_size);

  BatchMemory layout() const { return {rows.get(), groups.get(), slab.get(), slab_size}; }

  std::unique_ptr<uint32_t[]> rows;
  std::unique_ptr<uint32_t[]> groups;
  std::unique_ptr<uint8_t[]> slab;
  size_t slab_size;
};

/**
 * The `Engine` object: a packet engine, a socket on the event loop of its thread, and the calls between the two and
 * JavaScript. It keeps its JavaScript object alive while the socket is open, and goes when both are gone.
 */
class EngineWrap {
 public:
  /** Null, with an exception, if the socket cannot be had. */
  static EngineWrap* Create(napi_env env, napi_value self, napi_value events, const EngineConfig& config);

  PacketEngine& core() { return *core_; }
  UdpSocket& socket() { return socket_; }
  bool has_socket() const { return has_socket_; }
  bool is_open() const { return state_ == State::kOpen; }
  bool is_delivering() const { return is_delivering_; }
  uint64_t receive_calls() const { return receive_calls_; }

  const BusyPoll& busy_poll() const { return busy_poll_; }

  /** What was sealed or queued asks for an answer. */
  void NoteQuestion() { has_question_ = true; }
  /** Makes room for what goes to `to` if the system takes what waits there; false if it does not. */
  bool MakeRoom(const Address& to);
  /** A sealed packet was refused: `onWritable` is due when there is room. */
  void NoteRefusal();
  void Flush();
  /** True if the socket failed when sending; throws that. */
  bool ThrowSendFailure();

  /** Works on a datagram as if it had been received. */
  void Receive(const Burst& burst);
  /** Calls onBatch from inside a call of JavaScript, whose exceptions pass through. */
  void Deliver();
  /** For an engine without a socket: what was sealed is gone; `onWritable` if that was waited for. */
  void Emptied(uint64_t datagrams, uint64_t octets);
  /** What was sealed for connections is gone. */
  void EmptiedForConnections(uint64_t datagrams, uint64_t octets);
  /** What the socket sent, or was taken out. */
  SendCounters counters() const;

  /** `done` is called when everything is closed. */
  void Close(napi_value done);

 private:
  enum class State { kOpen, kClosing, kClosed };

  /** Batches of one wake-up; whatever else the process does gets its turn between them. */
  static constexpr int kMaxBatches = 4;
  /** A socket that does not take what was flushed within that many milliseconds of closing is closed all the same. */
  static constexpr uint64_t kLingerMs = 1000;

  EngineWrap(napi_env env, const EngineConfig& config);
  ~EngineWrap() = default;

  bool Attach(napi_value self, napi_value events);
  bool AttachSocket(uv_loop_t* loop, napi_value self);
  /** Gives the arrays of the batch to the JavaScript object. */
  bool ShareMemory(napi_value self);
  void UpdatePoll();
  /** The event loop is about to sleep. */
  void OnIdle();
  void OnPoll(int status, int events);
  void OnReadable();
  void OnWritable();
  void DeliverFromLoop();
  void Fail(const SocketError& error);
  bool SendNow();
  void CloseHandles();
  void OnHandleClosed();
  void Release();
  static void OnCleanup(napi_async_cleanup_hook_handle handle, void* data);
  static void Finalize(napi_env env, void* data, void* hint);

  void CallFromLoop(napi_ref function, size_t count, const napi_value* args);
  napi_value Dereference(napi_ref reference) const;

  napi_env env_;
  std::shared_ptr<SharedMemory> memory_;
  std::unique_ptr<PacketEngine> core_;
  UdpSocket socket_;
  const bool has_socket_;
  State state_ = State::kOpen;
  bool is_delivering_ = false;
  /** The system took no more: UV_WRITABLE is awaited. */
  bool is_blocked_ = false;
  /** Something was refused since the last `onWritable`. */
  bool has_refused_ = false;
  bool has_send_failed_ = false;
  bool is_tearing_down_ = false;
  bool is_finalized_ = false;
  uint64_t receive_calls_ = 0;
  SendCounters taken_;
  BusyPoll busy_poll_;
  /** Something that asks for an answer waits to be sent. */
  bool has_question_ = false;

  uv_poll_t poll_;
  uv_timer_t linger_;
  uv_prepare_t idle_;
  int open_handles_ = 0;
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_ref self_ = nullptr;
  napi_ref events_ = nullptr;
  napi_ref on_batch_ = nullptr;
  napi_ref on_writable_ = nullptr;
  napi_ref on_error_ = nullptr;
  napi_ref done_ = nullptr;
};

}  // namespace stt

#endif  // STT_NAPI_UDP_SOCKET_WRAP_H_
