#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "exports.h"
#include "engine_support.h"
#include "napi_support.h"
#include "session_calls.h"
#include "udp_socket_wrap.h"

// The methods of `Engine`: arguments from JavaScript, checked, to the engine. Those about sessions are in session_calls.

namespace stt {

namespace {

/** What `flush` tells, by bit: see `Waiting` in lib/native/binding.ts. */
constexpr uint32_t kConnectionsWait = 1;
constexpr uint32_t kSizesRefused = 2;

bool GetAddress(napi_env env, napi_value value, Address* out) {
  const uint8_t* octets;
  if (!GetBytesOf(env, value, kAddressOctets, &octets)) return false;
  memcpy(out->octets, octets, kAddressOctets);
  return true;
}

napi_value Property(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  napi_get_named_property(env, object, name, &value);
  return value;
}

bool GetOctets(napi_env env, napi_value object, const char* name, uint64_t limit, uint64_t* out) {
  if (!GetSafe(env, Property(env, object, name), out)) return false;
  return *out <= limit || ThrowRange(env, "A size is too large");
}

bool GetConfig(napi_env env, napi_value value, EngineConfig* config) {
  // Rows speak of the slab in 32 bits; the kernel of its buffers in 31.
  constexpr uint64_t kMaxSlab = uint64_t{1} << 31;
  constexpr uint64_t kMaxBuffer = (uint64_t{1} << 30) - 1;
  uint64_t slab;
  uint64_t transmit;
  uint64_t receive_buffer;
  uint64_t send_buffer;
  // Longer than this nobody would want to have other events wait.
  constexpr uint64_t kMaxBusyPoll = 1000000;
  if (!GetOctets(env, value, "slabOctets", kMaxSlab, &slab) ||
      !GetOctets(env, value, "transmitOctets", kMaxSlab, &transmit) ||
      !GetOctets(env, value, "receiveBufferOctets", kMaxBuffer, &receive_buffer) ||
      !GetOctets(env, value, "sendBufferOctets", kMaxBuffer, &send_buffer) ||
      !GetOctets(env, value, "busyPollMicros", kMaxBusyPoll, &config->busy_poll_micros) ||
      !GetBool(env, Property(env, value, "ipv6Only"), &config->socket.ipv6_only) ||
      !GetBool(env, Property(env, value, "forceNoOffload"), &config->socket.no_offload) ||
      !GetBool(env, Property(env, value, "refuseGso"), &config->socket.refuse_gso) ||
      !GetBool(env, Property(env, value, "refuseMarks"), &config->socket.refuse_marks) ||
      !GetU32(env, Property(env, value, "blockEvery"), &config->socket.block_every)) {
    return false;
  }
  config->slab_octets = static_cast<size_t>(slab);
  config->transmit_octets = static_cast<size_t>(transmit);
  config->socket.receive_buffer = static_cast<int>(receive_buffer);
  config->socket.send_buffer = static_cast<int>(send_buffer);
  napi_valuetype type;
  const napi_value bind = Property(env, value, "bind");
  if (napi_typeof(env, bind, &type) != napi_ok) return ThrowType(env, "bind is missing");
  config->has_socket = type != napi_undefined;
  if (!config->has_socket) return true;
  // Longest text of an IPv6 address with a zone.
  char host[64];
  if (napi_get_value_string_utf8(env, Property(env, value, "host"), host, sizeof host, nullptr) != napi_ok) {
    return ThrowType(env, "host is no text");
  }
  config->host = host;
  if (!GetAddress(env, bind, &config->socket.bind)) return false;
  config->port = Load16(config->socket.bind.octets + kPortAt);
  return true;
}

napi_value New(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  napi_value target = nullptr;
  EngineConfig config;
  napi_get_new_target(env, info, &target);
  if (target == nullptr) {
    ThrowType(env, "Engine is a class");
    return nullptr;
  }
  if (!GetConfig(env, args[0], &config)) return nullptr;
  return EngineWrap::Create(env, args.self, args[1], config) == nullptr ? nullptr : args.self;
}

/** An array of at most kMaxSeeds keys. */
bool GetKeyList(napi_env env, napi_value value, std::vector<Bytes>* out) {
  uint32_t count;
  if (napi_get_array_length(env, value, &count) != napi_ok) return ThrowType(env, "An array of keys is needed");
  if (count > HandshakeFilter::kMaxSeeds) return ThrowRange(env, "There are 64 keys at most");
  out->resize(count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value key;
    if (napi_get_element(env, value, i, &key) != napi_ok || !GetBytes(env, key, &(*out)[i])) return false;
  }
  return true;
}

napi_value SetMac1Keys(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  std::vector<Bytes> keys;
  if (wrap == nullptr || !GetKeyList(env, args[0], &keys)) return nullptr;
  if (!wrap->core().handshakes().SetMac1Keys(keys)) ThrowKeysRefused(env);
  return nullptr;
}

bool AreOf(const std::vector<Bytes>& list, size_t size) {
  return std::all_of(list.begin(), list.end(), [size](const Bytes& item) { return item.size == size; });
}

napi_value DemandCookies(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  std::vector<Bytes> keys;
  std::vector<Bytes> secrets;
  if (wrap == nullptr || !GetKeyList(env, args[0], &keys) || !GetKeyList(env, args[1], &secrets)) return nullptr;
  if (!AreOf(keys, kKeyOctets) || !AreOf(secrets, CookieGuard::kSecretOctets) ||
      secrets.size() > CookieGuard::kMaxSecrets) {
    ThrowRange(env, "Keys and at most two secrets of 32 octets are needed");
    return nullptr;
  }
  std::unique_ptr<CookieGuard> guard;
  if (!secrets.empty()) {
    guard = std::make_unique<CookieGuard>();
    if (!guard->Init(keys, secrets)) {
      ThrowKeysRefused(env);
      return nullptr;
    }
  }
  wrap->core().handshakes().SetGuard(std::move(guard));
  return nullptr;
}

napi_value ExpectHandshake(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint64_t id;
  if (wrap != nullptr && GetId(env, args[0], &id)) wrap->core().handshakes().Expect(id);
  return nullptr;
}

napi_value ForgetHandshake(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint64_t id;
  if (wrap != nullptr && GetId(env, args[0], &id)) wrap->core().handshakes().Forget(id);
  return nullptr;
}

napi_value ReportStrays(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t count;
  if (wrap != nullptr && GetU32(env, args[0], &count)) wrap->core().ReportStrays(count);
  return nullptr;
}

napi_value OpenPath(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  Address address;
  if (wrap == nullptr || !GetAddress(env, args[0], &address)) return nullptr;
  return MakeU32(env, wrap->core().paths().Open(address));
}

napi_value ClosePath(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t path;
  if (wrap == nullptr || !GetU32(env, args[0], &path)) return nullptr;
  wrap->core().paths().Close(path);
  wrap->core().SettleIfIdle();
  return nullptr;
}

napi_value PathAddress(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t path;
  if (wrap == nullptr || !GetU32(env, args[0], &path)) return nullptr;
  const Address* address = wrap->core().paths().At(path);
  uint8_t* octets;
  if (address == nullptr) return nullptr;
  const napi_value copy = MakeBytes(env, kAddressOctets, &octets);
  if (copy != nullptr) memcpy(octets, address->octets, kAddressOctets);
  return copy;
}

/** Session and address that something is to be sealed for; false if there is no such, or the engine is closed. */
bool FindTarget(EngineWrap* wrap, uint32_t slot, uint32_t path, Session** session, Destination* out) {
  if (!wrap->is_open()) return false;
  *session = wrap->core().sessions().At(slot);
  const Address* address = wrap->core().paths().At(path);
  if (*session == nullptr || address == nullptr) return false;
  *out = {*address, (*session)->marked_path == path ? kEct0 : 0};
  return true;
}

napi_value SealStreamRun(napi_env env, napi_callback_info info) {
  const Arguments<10> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  uint32_t path;
  uint64_t payload;
  StreamRun run;
  if (wrap == nullptr || !GetU32(env, args[0], &slot) || !GetU32(env, args[1], &path) ||
      !GetSafe(env, args[2], &run.pn) || !GetU32(env, args[3], &run.stream_id) || !GetSafe(env, args[4], &run.offset) ||
      !GetBool(env, args[5], &run.fin) || !GetRange(env, args[6], args[7], args[8], &run.octets) ||
      !GetSafe(env, args[9], &payload)) {
    return nullptr;
  }
  Session* session;
  Destination to;
  constexpr size_t kMaxPayload = kMaxDatagram - kPacketOverhead - kStreamHeaderOctets;
  if (payload < 1 || payload > kMaxPayload || !FindTarget(wrap, slot, path, &session, &to)) return MakeU32(env, 0);
  run.payload = static_cast<size_t>(payload);
  const size_t total = run.left();
  size_t taken = wrap->core().Seal(session, to, &run);
  while (taken < total && wrap->MakeRoom(to.to)) taken += wrap->core().Seal(session, to, &run);
  if (taken > 0) wrap->NoteQuestion();
  if (taken < total) wrap->NoteRefusal();
  return MakeNumber(env, static_cast<double>(taken));
}

napi_value SealFrames(napi_env env, napi_callback_info info) {
  const Arguments<6> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  uint32_t slot;
  uint32_t path;
  uint64_t pn;
  Bytes frames;
  if (wrap == nullptr || !GetU32(env, args[0], &slot) || !GetU32(env, args[1], &path) || !GetSafe(env, args[2], &pn) ||
      !GetRange(env, args[3], args[4], args[5], &frames)) {
    return nullptr;
  }
  Session* session;
  Destination to;
  if (frames.size > kMaxDatagram - kPacketOverhead || !FindTarget(wrap, slot, path, &session, &to)) {
    return MakeBool(env, false);
  }
  bool is_taken = wrap->core().SealFrames(session, to, pn, frames);
  if (!is_taken && wrap->MakeRoom(to.to)) is_taken = wrap->core().SealFrames(session, to, pn, frames);
  if (is_taken && AsksForAnswer(frames)) wrap->NoteQuestion();
  if (!is_taken) wrap->NoteRefusal();
  return MakeBool(env, is_taken);
}

napi_value SendDatagram(napi_env env, napi_callback_info info) {
  const Arguments<2> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  Address to;
  Bytes datagram;
  if (wrap == nullptr || !GetAddress(env, args[0], &to) || !GetBytes(env, args[1], &datagram)) return nullptr;
  if (!wrap->is_open() || datagram.size > kMaxDatagram) return MakeBool(env, false);
  bool is_taken = wrap->core().Queue(to, datagram);
  if (!is_taken && wrap->MakeRoom(to)) is_taken = wrap->core().Queue(to, datagram);
  if (is_taken) wrap->NoteQuestion();
  if (!is_taken) wrap->NoteRefusal();
  return MakeBool(env, is_taken);
}

napi_value Flush(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  if (wrap == nullptr) return nullptr;
  wrap->Flush();
  if (wrap->ThrowSendFailure()) return nullptr;
  const TransmitSlab* waiting = wrap->core().for_connections();
  const bool has_connections = waiting != nullptr && !waiting->empty();
  const bool has_refused = !wrap->socket().refused_sizes().empty();
  return MakeU32(env, (has_connections ? kConnectionsWait : 0) | (has_refused ? kSizesRefused : 0));
}

napi_value TakeRefusedSizes(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  if (wrap == nullptr) return nullptr;
  napi_value list;
  if (napi_create_array(env, &list) != napi_ok) return nullptr;
  uint32_t length = 0;
  for (const RefusedSize& refused : wrap->socket().refused_sizes()) {
    napi_set_element(env, list, length++, MakeU32(env, wrap->core().paths().Find(refused.to)));
    napi_set_element(env, list, length++, MakeU32(env, refused.octets));
  }
  wrap->socket().ClearRefusedSizes();
  return list;
}

napi_value ReadStats(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  if (wrap == nullptr) return nullptr;
  napi_typedarray_type type;
  size_t length;
  void* data;
  const EngineCounters& core = wrap->core().counters();
  const SendCounters sent = wrap->counters();
  const UdpSocket& socket = wrap->socket();
  const bool is_bound = socket.fd() >= 0;
  // The order of STAT_NAMES in lib/native/packet-engine.ts.
  const uint64_t values[] = {
      core.datagrams_received,
      core.octets_received,
      sent.datagrams,
      sent.octets,
      core.packets_opened,
      core.handshakes_received,
      core.dropped_malformed,
      core.dropped_strangers,
      core.dropped_unproven,
      core.dropped_unknown_session,
      core.dropped_replays,
      core.dropped_forgeries,
      core.resets_received,
      core.dropped_no_key,
      sent.errors,
      core.send_blocked,
      wrap->receive_calls(),
      sent.calls,
      is_bound ? static_cast<uint64_t>(socket.receive_buffer()) : 0,
      is_bound ? static_cast<uint64_t>(socket.send_buffer()) : 0,
      wrap->core().sessions().size(),
      wrap->core().paths().size(),
      wrap->core().handshakes().expected(),
      wrap->busy_poll().polls(),
      wrap->busy_poll().hits(),
      socket.gso(),
      socket.gro(),
      socket.dont_fragment(),
      !is_bound || socket.marks(),
  };
  constexpr size_t kCount = sizeof values / sizeof values[0];
  if (napi_get_typedarray_info(env, args[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length < kCount) {
    ThrowType(env, "A Float64Array is needed");
    return nullptr;
  }
  for (size_t i = 0; i < kCount; i++) static_cast<double*>(data)[i] = static_cast<double>(values[i]);
  return nullptr;
}

napi_value BoundAddress(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  if (wrap == nullptr) return nullptr;
  if (!wrap->has_socket()) return Undefined(env);
  return CopyBytes(env, {wrap->socket().bound().octets, kAddressOctets});
}

/** Inside `onBatch` the batch is JavaScript's. */
bool MayDeliver(napi_env env, EngineWrap* wrap) {
  if (wrap == nullptr) return false;
  if (!wrap->is_delivering()) return true;
  napi_throw_error(env, "ERR_INVALID_STATE", "Not possible inside onBatch");
  return false;
}

napi_value Receive(napi_env env, napi_callback_info info) {
  const Arguments<3> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  Bytes datagram;
  Address from;
  uint32_t ecn;
  if (!MayDeliver(env, wrap) || !GetBytes(env, args[0], &datagram) || !GetAddress(env, args[1], &from) ||
      !GetU32(env, args[2], &ecn)) {
    return nullptr;
  }
  if (datagram.size > kMaxUdpPayload) {
    ThrowRange(env, "No datagram is so long");
    return nullptr;
  }
  wrap->Receive({datagram.data, static_cast<uint32_t>(datagram.size), 0, ecn & kEcnMask, from});
  return nullptr;
}

napi_value Deliver(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  if (MayDeliver(env, wrap)) wrap->Deliver();
  return nullptr;
}

/** Copies all that waits as objects of address and datagram. */
bool CopyOut(napi_env env, TransmitSlab& slab, napi_value result, uint32_t* datagrams, uint64_t* octets) {
  uint32_t count = 0;
  for (size_t index = 0; index < slab.waiting(); index++) {
    const TransmitSlab::Run& run = slab.At(index);
    for (uint32_t at = 0, left = run.count; left > 0; left--) {
      const uint32_t size = left == 1 ? run.size - at : run.segment;
      napi_value sealed;
      if (napi_create_object(env, &sealed) != napi_ok) return false;
      SetProperty(env, sealed, "address", CopyBytes(env, {run.to.octets, kAddressOctets}));
      SetProperty(env, sealed, "datagram", CopyBytes(env, {run.octets + at, size}));
      SetProperty(env, sealed, "ecn", MakeU32(env, run.ecn));
      napi_set_element(env, result, count++, sealed);
      at += size;
    }
    *octets += run.size;
  }
  *datagrams = count;
  return true;
}

napi_value TakeSealed(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  napi_value result;
  if (wrap == nullptr || napi_create_array(env, &result) != napi_ok) return nullptr;
  if (wrap->has_socket()) return result;
  uint32_t count = 0;
  uint64_t octets = 0;
  if (CopyOut(env, wrap->core().transmit(), result, &count, &octets)) wrap->Emptied(count, octets);
  return result;
}

napi_value TakeForConnections(napi_env env, napi_callback_info info) {
  const Arguments<0> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  napi_value result;
  if (wrap == nullptr || napi_create_array(env, &result) != napi_ok) return nullptr;
  TransmitSlab* slab = wrap->core().for_connections();
  uint32_t count = 0;
  uint64_t octets = 0;
  if (slab != nullptr && CopyOut(env, *slab, result, &count, &octets)) wrap->EmptiedForConnections(count, octets);
  return result;
}

napi_value Close(napi_env env, napi_callback_info info) {
  const Arguments<1> args(env, info);
  EngineWrap* wrap = Unwrap(env, args.self);
  napi_valuetype type;
  if (wrap == nullptr) return nullptr;
  if (napi_typeof(env, args[0], &type) != napi_ok || type != napi_function) {
    ThrowType(env, "A function is needed");
    return nullptr;
  }
  wrap->Close(args[0]);
  return nullptr;
}

}  // namespace

void ExportEngine(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      Method("setMac1Keys", SetMac1Keys),
      Method("demandCookies", DemandCookies),
      Method("expectHandshake", ExpectHandshake),
      Method("forgetHandshake", ForgetHandshake),
      Method("openSession", OpenSession),
      Method("closeSession", CloseSession),
      Method("installNextKeys", InstallNextKeys),
      Method("switchSendKeys", SwitchSendKeys),
      Method("dropOldKeys", DropOldKeys),
      Method("setResetToken", SetResetToken),
      Method("markPath", MarkPath),
      Method("reportStrays", ReportStrays),
      Method("openPath", OpenPath),
      Method("closePath", ClosePath),
      Method("pathAddress", PathAddress),
      Method("sealStreamRun", SealStreamRun),
      Method("sealFrames", SealFrames),
      Method("sendDatagram", SendDatagram),
      Method("flush", Flush),
      Method("readStats", ReadStats),
      Method("boundAddress", BoundAddress),
      Method("receive", Receive),
      Method("deliver", Deliver),
      Method("takeSealed", TakeSealed),
      Method("takeForConnections", TakeForConnections),
      Method("takeRefusedSizes", TakeRefusedSizes),
      Method("close", Close),
  };
  napi_value engine = nullptr;
  napi_define_class(env, "Engine", NAPI_AUTO_LENGTH, New, nullptr, sizeof methods / sizeof methods[0], methods,
                    &engine);
  SetProperty(env, exports, "Engine", engine);
}

}  // namespace stt
