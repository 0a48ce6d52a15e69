/** STT for Node.js. What is exported here is the public API; nothing else of the package can be imported. */
export { STTNode } from './api/node.js';
export type { NodeStats } from './api/node-stats.js';
export type { NodeEvents, ReceivedMessage, SendResult } from './api/node-events.js';
export type { ConnectOptions, WebSocketConnectOptions } from './api/connect-options.js';
export type { ReconnectOptions } from './api/reconnect-options.js';
export type { ConnectTarget } from './api/connect-target.js';
export type { STTWebSocketOptions } from './api/web-socket-options.js';
export type { AdmissionOptions, Authorize, PeerInfo } from './api/admission-options.js';
export type { PeerAdmission } from './api/peer-admission.js';
export type { Backend, STTNodeOptions } from './api/node-options.js';
export type { NodeRecords, NodeRecordsStats } from './api/node-records.js';
export type { PeerRecord, SeedRecord, SessionRecord } from './api/node-record-forms.js';
export { STTSession } from './api/session.js';
export type { AlternativeAddresses } from './ports/path-host.js';
export type { MessageFate, PathChange, RemoteAddress, SessionEvents, SessionStats } from './api/session.js';
export type { ReconnectAttempt, Reconnected, UnfinishedStream } from './api/session.js';
export type { SessionManager } from './api/session-manager.js';
export { STTHandshake } from './api/stt-handshake.js';
export type { HandshakeKeys, HelloSource, STTHandshakeOptions } from './api/stt-handshake.js';
export { STTStream } from './api/stream.js';
export type { StreamManager } from './api/stream-manager.js';
export { Chamber } from './chamber/chamber.js';
export type { ChamberOptions, ChamberStats, ListOptions } from './chamber/chamber.js';
export type { ChamberBatch } from './chamber/batch.js';
export type { ChamberStore, StoreCondition, StoreEntry, StoreOperation, StoreStats } from './chamber/store.js';
export { resealChamber } from './chamber/reseal.js';
export type { ChamberKeys, ResealOptions, ResealReport } from './chamber/reseal.js';
export type { VerifyReport } from './chamber/verify.js';
export { LmdbStore } from './chamber/stores/lmdb.js';
export type { LmdbStoreOptions } from './chamber/stores/lmdb.js';
export { MemoryStore } from './chamber/stores/memory.js';
export { RedisStore } from './chamber/stores/redis.js';
export type { RedisStoreOptions } from './chamber/stores/redis-options.js';
export * as constants from './constants.js';
export {
  errorCodeOfClose,
  ERRORS,
  sttError,
  STTConfigError,
  STTCryptoError,
  STTError,
  STTFrameError,
  STTHandshakeError,
  STTSerializationError,
  STTSessionError,
  STTStreamError,
  STTTransportError,
  STTChamberError,
  STTTransferError,
} from './node-errors.js';
export type { ErrorCode, ErrorEntry } from './node-errors.js';
export { STCWrapper } from './stc/node-stc-wrapper.js';
export { StreamDecoder, StreamEncoder } from './api/chunk-stream.js';
export type { ChunkSource, StreamDecoderOptions } from './api/chunk-stream.js';
export { StreamContext } from './stc/stream-context.js';
export { STTFrame } from './wire/stt-frame.js';
export { UDPTransport } from './api/udp-transport.js';
export type { FrameAddress, UDPTransportOptions } from './api/udp-transport.js';
export { WebSocketTransport } from './api/web-socket-transport.js';
export type {
  WebSocketTransportConnectOptions,
  WebSocketTransportListener,
  WebSocketTransportListenOptions,
  WebSocketTransportOptions,
} from './api/web-socket-transport.js';
export type { FrameStats } from './api/frame-traffic.js';
export { deserializeStt, Float64, serializeStt } from './wire/serialization.js';
export type { SttValue } from './wire/serialization.js';
