import { CloseCode } from './constants.js';

/** Anything STT throws or rejects with, unless it is an error of Node or of the operating system. Compare `code`, not `message`. */
export class STTError extends Error {
  /** `ERR_STT_*`, stable. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A malformed or oversized STTFrame. */
export class STTFrameError extends STTError {}
/** A value that cannot be serialized, or octets that are no serialization. */
export class STTSerializationError extends STTError {}
/** A handshake that failed, or a handshake method called out of order. */
export class STTHandshakeError extends STTError {}
/** A failure of authentication, or an unusable seed or key. */
export class STTCryptoError extends STTError {}
/** A session that ended, or an operation it cannot do. */
export class STTSessionError extends STTError {
  /** The close code on the wire (STT §11), where the error ended a session. */
  closeCode?: number;
  /** The reason the closing side gave, if any. */
  reason?: string;
  /** True if the other side closed the session. */
  remote?: boolean;
}
/** A stream that was reset or refused. */
export class STTStreamError extends STTError {
  /** The application's code of a reset or stop. */
  streamCode?: number;
}
/** A socket or backend that cannot be used. */
export class STTTransportError extends STTError {}
/** A wrong option. */
export class STTConfigError extends STTError {}
/** A chamber that cannot be opened, or a record that cannot be stored or read. */
export class STTChamberError extends STTError {}
/** A file transfer that could not be done. */
export class STTTransferError extends STTError {}

type Details = Readonly<Record<string, unknown>>;

interface Entry {
  readonly type: new (code: ErrorCode, message: string, options?: ErrorOptions) => STTError;
  /** What happened, the likely cause, what to do; `{name}` is filled from the details. */
  readonly message: string;
  /** What the other side sees as close code when this ends a session. */
  readonly closeCode?: number;
}

/** The one table of errors; docs/errors.md is made from it. */
export const ERRORS = {
  ERR_STT_FRAME_MALFORMED: {
    type: STTFrameError,
    message: 'Malformed STTFrame: {what}. The octets are damaged or no STTFrame.',
  },
  ERR_STT_FRAME_TOO_LARGE: {
    type: STTFrameError,
    message: 'STTFrame of {size} octets is over the limit of {limit}. Split the payload.',
  },
  ERR_STT_FRAME_ENCRYPTED: {
    type: STTFrameError,
    message: 'The payload of this STTFrame is encrypted already. Decrypt it first, or make a new frame.',
  },
  ERR_STT_SERIALIZE_UNSUPPORTED: {
    type: STTSerializationError,
    message: 'Cannot serialize {what}. Use null, booleans, numbers, bigints, strings, Uint8Array, arrays or objects.',
  },
  ERR_STT_SERIALIZE_RANGE: {
    type: STTSerializationError,
    message: 'Integer {value} does not fit 64 bits. Send it as a string or as bytes.',
  },
  ERR_STT_SERIALIZE_DEPTH: {
    type: STTSerializationError,
    message: 'Value is nested deeper than {limit} levels. Flatten it.',
  },
  ERR_STT_DESERIALIZE_TRUNCATED: {
    type: STTSerializationError,
    message: 'Serialized value ends too early, at octet {at}.',
  },
  ERR_STT_DESERIALIZE_TRAILING: {
    type: STTSerializationError,
    message: 'Octets follow the serialized value, from octet {at} on.',
  },
  ERR_STT_DESERIALIZE_TYPE: {
    type: STTSerializationError,
    message: 'Unknown or misplaced type 0x{type} at octet {at}.',
  },
  ERR_STT_DESERIALIZE_DUPLICATE_KEY: {
    type: STTSerializationError,
    message: 'A dictionary has a key twice, at octet {at}.',
  },
  ERR_STT_DESERIALIZE_UTF8: {
    type: STTSerializationError,
    message: 'A string is not valid UTF-8, at octet {at}.',
  },
  ERR_STT_DESERIALIZE_DEPTH: {
    type: STTSerializationError,
    message: 'Serialized value is nested deeper than {limit} levels.',
  },
  ERR_STT_HANDSHAKE_FAILED: {
    type: STTHandshakeError,
    message:
      'The handshake message was not accepted. Check that both sides hold the same shared seed and speak to each other.',
  },
  ERR_STT_HANDSHAKE_TIMEOUT: {
    type: STTHandshakeError,
    message:
      'No answer from {remote} within {timeoutMs} ms. Either nothing listens there or a firewall drops UDP, or the other side holds another shared seed, pins another peer, or is not accepting: it stays silent in all of these cases.',
  },
  ERR_STT_HANDSHAKE_SELF: {
    type: STTHandshakeError,
    message:
      'No session with {remote}: it proved the same identity as this node. Two nodes that connect to each other need node seeds of their own.',
  },
  ERR_STT_PEER_NOT_ACCEPTED: {
    type: STTHandshakeError,
    message:
      'This node does not accept the node at {remote} as a peer: look at `allowedPeers`, `authorize`, and what was revoked.',
  },
  ERR_STT_PEER_MISMATCH: {
    type: STTHandshakeError,
    message:
      'The node at {remote} is not the expected one. Check `peerNodeId`, or somebody else with the shared seed answered.',
  },
  ERR_STT_VERSION: {
    type: STTHandshakeError,
    message: 'The node at {remote} speaks no version of the protocol in common with this one. Update the older side.',
  },
  ERR_STT_INVALID_STATE: {
    type: STTHandshakeError,
    message: '{what} is not possible now: {why}.',
  },
  ERR_STT_AUTHENTICATION: {
    type: STTCryptoError,
    message: 'Authentication failed: other key, other associated data, or changed octets.',
  },
  ERR_STT_CHUNK_REFUSED: {
    type: STTCryptoError,
    message:
      'A sealed chunk was refused: {why}. The chunks were damaged, doubled, mixed with others, or moved out of bounds; fetch them again.',
  },
  ERR_STT_CHUNKS_INCOMPLETE: {
    type: STTCryptoError,
    message: 'The sealed chunks ended before {what}. They were cut short or some were lost; fetch them again.',
  },
  ERR_STT_CHUNKS_EXHAUSTED: {
    type: STTCryptoError,
    message: 'A stream of sealed chunks ends at {limit} chunks. Use larger chunks, or several streams.',
  },
  ERR_STT_SEED_TOO_SHORT: {
    type: STTCryptoError,
    message: '{name} has {length} octets; at least 16 random octets are needed, 32 are right (`stt keygen` makes one).',
  },
  ERR_STT_CLOSED: {
    type: STTSessionError,
    message: 'The session is closed: {why}.',
    closeCode: CloseCode.NONE,
  },
  ERR_STT_PROTOCOL: {
    type: STTSessionError,
    message: 'The session was closed for a breach of the protocol: {why}. The sides may run incompatible versions.',
    closeCode: CloseCode.PROTOCOL,
  },
  ERR_STT_CRYPTO: {
    type: STTSessionError,
    message: 'The session was closed because its keys are used up: {why}. Connect again for fresh keys.',
    closeCode: CloseCode.CRYPTO,
  },
  ERR_STT_SESSION: {
    type: STTSessionError,
    message: 'The session was closed: {why}.',
    closeCode: CloseCode.SESSION,
  },
  ERR_STT_STREAM: {
    type: STTSessionError,
    message: 'The session was closed for a misuse of a stream: {why}.',
    closeCode: CloseCode.STREAM,
  },
  ERR_STT_FLOW_CONTROL: {
    type: STTSessionError,
    message: 'The session was closed because more was sent than allowed: {why}.',
    closeCode: CloseCode.FLOW_CONTROL,
  },
  ERR_STT_STREAM_LIMIT: {
    type: STTSessionError,
    message: 'The session was closed because more streams were opened than allowed: {why}.',
    closeCode: CloseCode.STREAM_LIMIT,
  },
  ERR_STT_FINAL_SIZE: {
    type: STTSessionError,
    message: 'The session was closed because a stream changed its final size: {why}.',
    closeCode: CloseCode.FINAL_SIZE,
  },
  ERR_STT_FRAME_ENCODING: {
    type: STTSessionError,
    message: 'The session was closed because of a malformed frame: {why}.',
    closeCode: CloseCode.FRAME_ENCODING,
  },
  ERR_STT_KEY_ROTATION: {
    type: STTSessionError,
    message: 'The session was closed because a key rotation failed: {why}.',
    closeCode: CloseCode.KEY_ROTATION,
  },
  ERR_STT_IDLE_TIMEOUT: {
    type: STTSessionError,
    message: 'Nothing was heard from {remote} for {idleMs} ms. The peer is gone or the network is down; connect again.',
    closeCode: CloseCode.IDLE_TIMEOUT,
  },
  ERR_STT_PEER_RESTARTED: {
    type: STTSessionError,
    message: '{remote} was started anew and lost this session. What was not acknowledged may be lost; connect again.',
  },
  ERR_STT_REFUSED: {
    type: STTSessionError,
    message: 'The session was refused: {why}. One side does not accept, or no longer accepts, the other as a peer.',
    closeCode: CloseCode.REFUSED,
  },
  ERR_STT_INTERNAL: {
    type: STTSessionError,
    message: 'The session was closed by an internal error: {why}. Please report it.',
    closeCode: CloseCode.INTERNAL,
  },
  ERR_STT_APPLICATION: {
    type: STTSessionError,
    message: 'The application of the other side closed the session with code {closeCode}: {why}.',
    closeCode: CloseCode.APPLICATION,
  },
  ERR_STT_CLOSE_TIMEOUT: {
    type: STTSessionError,
    message: 'Not all that was written was acknowledged within {timeoutMs} ms of closing. The peer may lack the rest.',
  },
  ERR_STT_MESSAGE_TOO_LARGE: {
    type: STTSessionError,
    message: 'Message of {size} octets is over the limit of {limit} on this path. Use a stream, or split it.',
  },
  ERR_STT_KEY_EXCHANGE: {
    type: STTSessionError,
    message: 'The keys were not changed: {why}. The session goes on with those it has, and tries again in a minute.',
  },
  ERR_STT_QUEUE_FULL: {
    type: STTSessionError,
    message:
      'Already {queued} octets of messages wait to be sent; the limit is {limit}. Wait for earlier ones, or raise `sendQueueOctets`.',
  },
  ERR_STT_STREAM_RESET: {
    type: STTStreamError,
    message: 'The other side reset stream {streamId} with code {streamCode}.',
  },
  ERR_STT_STREAM_STOPPED: {
    type: STTStreamError,
    message: 'The other side stopped reading stream {streamId} with code {streamCode}.',
  },
  ERR_STT_STREAM_ABORTED: {
    type: STTStreamError,
    message: 'Stream {streamId} was destroyed before everything was delivered.',
  },
  ERR_STT_STREAM_BUFFER_FULL: {
    type: STTStreamError,
    message:
      'Stream {streamId} already holds {queued} unsent octets; the limit is {limit}. Wait for room after write() returned false.',
  },
  ERR_STT_NODE_STOPPED: {
    type: STTTransportError,
    message: 'The node is not running: {why}.',
  },
  ERR_STT_BACKEND_UNAVAILABLE: {
    type: STTTransportError,
    message:
      'The native backend was demanded but cannot be used: {why}. Build it with `npm run build`, or use the JS backend.',
  },
  ERR_STT_ADDRESS: {
    type: STTTransportError,
    message: 'Cannot use the address {remote}: {why}.',
  },
  ERR_STT_WEBSOCKET: {
    type: STTTransportError,
    message:
      'No WebSocket to {remote}: {why}. Check that the node listens for WebSocket there, that its certificate fits the name, and that it allows this origin.',
  },
  ERR_STT_UNREACHABLE: {
    type: STTTransportError,
    message: 'No session with {remote}, neither over UDP nor over WebSocket. UDP: {udp} WebSocket: {webSocket}',
  },
  ERR_STT_CONNECTION_LOST: {
    type: STTTransportError,
    message: 'The connection to {remote} was lost: {why}. The other side ended or the network broke; connect again.',
  },
  ERR_STT_TRANSPORT_CLOSED: {
    type: STTTransportError,
    message: '{what} is not possible: the transport is {why}. Open another one.',
  },
  ERR_STT_TRANSPORT_FULL: {
    type: STTTransportError,
    message:
      'Already {queued} octets of frames wait to be sent; the limit is {limit}. Wait for `sendFrame` to resolve, or raise `sendQueueOctets`.',
  },
  ERR_STT_UNKNOWN_OPTION: {
    type: STTConfigError,
    message: 'Unknown option `{name}`.{hint}',
  },
  ERR_STT_OPTION_RANGE: {
    type: STTConfigError,
    message: 'Option `{name}` is {value}; {expected} is needed.',
  },
  ERR_STT_TRANSFER_REFUSED: {
    type: STTTransferError,
    message: 'The receiver refused {name}: {why}.',
  },
  ERR_STT_TRANSFER_FAILED: {
    type: STTTransferError,
    message: 'The transfer of {name} failed: {why}.',
  },
  ERR_STT_TRANSFER_INTEGRITY: {
    type: STTTransferError,
    message:
      'The hash of {name} differs from the sender’s; the partial file was removed. Was it changed while being sent? Send it again.',
  },
  ERR_STT_TRANSFER_PROTOCOL: {
    type: STTTransferError,
    message: 'The other side broke the file-transfer protocol: {why}. The sides may run incompatible versions.',
  },
  ERR_STT_CHAMBER_ID: {
    type: STTChamberError,
    message: 'The id {id} cannot name a record: {why}. Use a string of 1 to 16,384 octets.',
  },
  ERR_STT_CHAMBER_VALUE: {
    type: STTChamberError,
    message: 'The value of {record} cannot be stored: {why}. Nothing was changed.',
  },
  ERR_STT_CHAMBER_DAMAGED: {
    type: STTChamberError,
    message:
      'The {record} is damaged, or was put there by somebody without the seed. Restore it from a backup; other records can still be read.',
  },
  ERR_STT_CHAMBER_FOREIGN: {
    type: STTChamberError,
    message: 'The chamber {where} was made with another seed, or for another node id. Use those it was made with.',
  },
  ERR_STT_CHAMBER_FORMAT: {
    type: STTChamberError,
    message: '{where} is no chamber: {why}. Check the path; nothing was changed.',
  },
  ERR_STT_CHAMBER_VERSION: {
    type: STTChamberError,
    message: '{record} is of version {version}, newer than this release reads. Use a newer one; nothing was changed.',
  },
  ERR_STT_CHAMBER_CONFLICT: {
    type: STTChamberError,
    message: 'The record {id} was changed by others again and again. Nothing was changed; try again.',
  },
  ERR_STT_CHAMBER_RESEALED: {
    type: STTChamberError,
    message:
      'The chamber {where} is being resealed under another seed, or was. If that is unfinished, call `resealChamber` again with the same keys; then open it with the new seed.',
  },
  ERR_STT_CHAMBER_FULL: {
    type: STTChamberError,
    message: 'No space is left for the chamber {where} ({why}). Nothing was changed; free space and try again.',
  },
  ERR_STT_CHAMBER_STORE: {
    type: STTChamberError,
    message: 'The store of the chamber {where} failed: {why}.',
  },
  ERR_STT_CHAMBER_EXPORT: {
    type: STTChamberError,
    message: 'The export of a chamber cannot be read: {why}. Check the file and the passphrase; nothing was changed.',
  },
  ERR_STT_CHAMBER_CLOSED: {
    type: STTChamberError,
    message: 'The chamber is closed. Open it again to use it.',
  },
} as const satisfies Record<string, Omit<Entry, 'type'> & { type: unknown }>;

/** Code of an STT error. */
export type ErrorCode = keyof typeof ERRORS;

/** The error of a code, its message filled from the details. */
export function sttError(code: ErrorCode, details: Details = {}, options?: ErrorOptions): STTError {
  const { type, message } = ERRORS[code] as Entry;
  const filled = message.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? 'unknown'));
  return new type(code, filled, options);
}

const BY_CLOSE_CODE = new Map(
  (Object.entries(ERRORS) as [ErrorCode, Entry][])
    .filter(([, entry]) => entry.closeCode !== undefined)
    .map(([code, entry]) => [entry.closeCode, code]),
);

/** The error code under which a session's close code is known (STT §11). */
export function errorCodeOfClose(closeCode: number): ErrorCode {
  if (closeCode >= CloseCode.APPLICATION) return 'ERR_STT_APPLICATION';
  return BY_CLOSE_CODE.get(closeCode) ?? 'ERR_STT_SESSION';
}
