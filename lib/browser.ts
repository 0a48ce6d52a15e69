/**
 * STT in browsers: a node that connects over WebSocket, and the parts of STT for use by themselves. Plain JavaScript,
 * Web Streams and @noble's primitives; nothing of Node.
 */
import { nobleProvider } from './stc/noble-provider.js';
import { STCWrapper as PortableSTCWrapper } from './stc/stc-wrapper.js';

export { STTInitiator as STTHandshake } from './api/stt-initiator.js';
export type { HandshakeKeys, STTHandshakeOptions } from './api/stt-initiator.js';
export type { SessionManager } from './api/session-manager.js';
export type { StreamManager } from './api/stream-manager.js';
export * as constants from './web/constants.js';
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
} from './errors.js';
export type { ErrorCode, ErrorEntry } from './errors.js';
export { StreamDecoder, StreamEncoder } from './api/chunk-stream.js';
export type { ChunkSource, StreamDecoderOptions } from './api/chunk-stream.js';
export { StreamContext } from './stc/stream-context.js';
export { STTNode } from './web/node.js';
export type { ConnectOptions, NodeEvents, NodeStats, ReceivedMessage, SendResult } from './web/node.js';
export type { STTNodeOptions } from './web/node-options.js';
export { STTSession } from './web/session.js';
export type { MessageFate, SessionEvents, SessionStats } from './web/session.js';
export { STTStream } from './web/stream.js';
export { deserializeStt, Float64, serializeStt } from './wire/serialization.js';
export type { SttValue } from './wire/serialization.js';
export { STTFrame } from './wire/stt-frame.js';
export { WebSocketTransport } from './web/web-socket-transport.js';
export type { WebSocketTransportConnectOptions } from './web/web-socket-transport.js';
export type { FrameStats } from './api/frame-traffic.js';

/** `STCWrapper` with the primitives of @noble. */
export class STCWrapper extends PortableSTCWrapper {
  /**
   * @param seed at least 16 octets, 32 random ones are right; never a password
   * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT`
   */
  constructor(seed: Uint8Array) {
    super(seed, { provider: nobleProvider });
  }
}
