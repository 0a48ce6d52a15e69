/** STT for Node.js. What is exported here is the public API; nothing else of the package can be imported. */
export { STTNode } from './api/node.js';
export type { ConnectOptions, NodeEvents, NodeStats, ReceivedMessage, SendResult } from './api/node.js';
export type { Backend, STTNodeOptions } from './api/node-options.js';
export { STTSession } from './api/session.js';
export type { MessageFate, SessionEvents, SessionStats } from './api/session.js';
export type { SessionManager } from './api/session-manager.js';
export { STTHandshake } from './api/stt-handshake.js';
export type { HandshakeKeys, HelloSource, STTHandshakeOptions } from './api/stt-handshake.js';
export { STTStream } from './api/stream.js';
export type { StreamManager } from './api/stream-manager.js';
export * as constants from './constants.js';
export * from './errors.js';
export { STCWrapper } from './stc/node-stc-wrapper.js';
export { StreamContext } from './stc/stream-context.js';
export { STTFrame } from './wire/stt-frame.js';
export { deserializeStt, Float64, serializeStt } from './wire/serialization.js';
export type { SttValue } from './wire/serialization.js';
