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

type Details = Readonly<Record<string, unknown>>;

/** What is known of an error. */
export interface ErrorEntry {
  readonly type: new (code: ErrorCode, message: string, options?: ErrorOptions) => STTError;
  /** What happened; `{name}` is filled from the details. */
  readonly message: string;
  /** What the other side sees as close code when this ends a session. */
  readonly closeCode?: number;
}

/** Errors of one class, by their texts or by close code and text. */
function of<Code extends string>(
  type: ErrorEntry['type'],
  texts: Readonly<Record<Code, string | readonly [closeCode: number, text: string]>>,
): Record<Code, ErrorEntry> {
  const entries = (Object.entries(texts) as [Code, string | readonly [number, string]][]).map(([code, text]) => [
    code,
    typeof text === 'string' ? { type, message: text } : { type, closeCode: text[0], message: text[1] },
  ]);
  return Object.fromEntries(entries) as Record<Code, ErrorEntry>;
}

const closed = (how: string): string => `The session was closed${how}: {why}.`;

// The texts of errors, by class: what happened; `{name}` is filled from the details.
const FRAME = {
  ERR_STT_FRAME_MALFORMED: 'Malformed STTFrame: {what}.',
  ERR_STT_FRAME_TOO_LARGE: 'STTFrame of {size} octets is over the limit of {limit}.',
  ERR_STT_FRAME_ENCRYPTED: 'The payload of this STTFrame is encrypted already.',
} as const;
const SERIALIZATION = {
  ERR_STT_SERIALIZE_UNSUPPORTED: 'Cannot serialize {what}.',
  ERR_STT_SERIALIZE_RANGE: 'Integer {value} does not fit 64 bits.',
  ERR_STT_SERIALIZE_DEPTH: 'Value is nested deeper than {limit} levels.',
  ERR_STT_DESERIALIZE_TRUNCATED: 'Serialized value ends too early, at octet {at}.',
  ERR_STT_DESERIALIZE_TRAILING: 'Octets follow the serialized value, from octet {at} on.',
  ERR_STT_DESERIALIZE_TYPE: 'Unknown or misplaced type 0x{type} at octet {at}.',
  ERR_STT_DESERIALIZE_DUPLICATE_KEY: 'A dictionary has a key twice, at octet {at}.',
  ERR_STT_DESERIALIZE_UTF8: 'A string is not valid UTF-8, at octet {at}.',
  ERR_STT_DESERIALIZE_DEPTH: 'Serialized value is nested deeper than {limit} levels.',
} as const;
const HANDSHAKE = {
  ERR_STT_HANDSHAKE_FAILED: 'The handshake message was not accepted.',
  ERR_STT_HANDSHAKE_TIMEOUT: 'No answer from {remote} within {timeoutMs} ms: another shared seed?',
  ERR_STT_HANDSHAKE_SELF: 'The node at {remote} proved the identity of this one.',
  ERR_STT_PEER_MISMATCH: 'The node at {remote} is not the expected one.',
  ERR_STT_VERSION: 'The node at {remote} speaks no common version of the protocol.',
  ERR_STT_INVALID_STATE: '{what} is not possible now: {why}.',
} as const;
const CRYPTO = {
  ERR_STT_AUTHENTICATION: 'Authentication failed: other key, other associated data, or changed octets.',
  ERR_STT_CHUNK_REFUSED: 'A sealed chunk was refused: {why}.',
  ERR_STT_CHUNKS_INCOMPLETE: 'The sealed chunks ended before {what}.',
  ERR_STT_CHUNKS_EXHAUSTED: 'A stream of sealed chunks ends at {limit} chunks.',
  ERR_STT_SEED_TOO_SHORT: '{name} has {length} octets; at least 16 random octets are needed, 32 are right.',
} as const;
/** Those that end a session, with their close codes. */
const ENDING = {
  ERR_STT_CLOSED: [CloseCode.NONE, 'The session is closed: {why}.'],
  ERR_STT_PROTOCOL: [CloseCode.PROTOCOL, closed(' for a breach of the protocol')],
  ERR_STT_CRYPTO: [CloseCode.CRYPTO, closed(' because its keys are used up')],
  ERR_STT_SESSION: [CloseCode.SESSION, closed('')],
  ERR_STT_STREAM: [CloseCode.STREAM, closed(' for a misuse of a stream')],
  ERR_STT_FLOW_CONTROL: [CloseCode.FLOW_CONTROL, closed(' because more was sent than allowed')],
  ERR_STT_STREAM_LIMIT: [CloseCode.STREAM_LIMIT, closed(' because more streams were opened than allowed')],
  ERR_STT_FINAL_SIZE: [CloseCode.FINAL_SIZE, closed(' because a stream changed its final size')],
  ERR_STT_FRAME_ENCODING: [CloseCode.FRAME_ENCODING, closed(' because of a malformed frame')],
  ERR_STT_KEY_ROTATION: [CloseCode.KEY_ROTATION, closed(' because a key rotation failed')],
  ERR_STT_IDLE_TIMEOUT: [CloseCode.IDLE_TIMEOUT, 'Nothing was heard from {remote} for {idleMs} ms.'],
  ERR_STT_REFUSED: [CloseCode.REFUSED, 'The session was refused: {why}.'],
  ERR_STT_INTERNAL: [CloseCode.INTERNAL, closed(' by an internal error')],
  ERR_STT_APPLICATION: [
    CloseCode.APPLICATION,
    'The application of the other side closed the session with code {closeCode}: {why}.',
  ],
} as const satisfies Record<string, readonly [closeCode: number, text: string]>;
const SESSION = {
  ERR_STT_CLOSE_TIMEOUT: 'Not all that was written was acknowledged within {timeoutMs} ms of closing.',
  ERR_STT_MESSAGE_TOO_LARGE: 'Message of {size} octets is over the limit of {limit}.',
  ERR_STT_KEY_EXCHANGE: 'The keys were not changed: {why}.',
  ERR_STT_QUEUE_FULL: '{queued} octets of messages wait already; the limit is {limit}.',
} as const;
const STREAM = {
  ERR_STT_STREAM_RESET: 'The other side reset stream {streamId} with code {streamCode}.',
  ERR_STT_STREAM_STOPPED: 'The other side stopped reading stream {streamId} with code {streamCode}.',
  ERR_STT_STREAM_ABORTED: 'Stream {streamId} was destroyed before everything was delivered.',
  ERR_STT_STREAM_BUFFER_FULL: 'Stream {streamId} already holds {queued} unsent octets; the limit is {limit}.',
} as const;
const TRANSPORT = {
  ERR_STT_NODE_STOPPED: 'The node is not running: {why}.',
  ERR_STT_ADDRESS: 'Cannot use the address {remote}: {why}.',
  ERR_STT_WEBSOCKET: 'No WebSocket to {remote}: {why}.',
  ERR_STT_CONNECTION_LOST: 'The connection to {remote} was lost: {why}.',
  ERR_STT_TRANSPORT_CLOSED: '{what} is not possible: the transport is {why}.',
  ERR_STT_TRANSPORT_FULL: '{queued} octets of frames wait already; the limit is {limit}.',
} as const;
const CONFIG = {
  ERR_STT_UNKNOWN_OPTION: 'Unknown option `{name}`.{hint}',
  ERR_STT_OPTION_RANGE: 'Option `{name}` is {value}; {expected} is needed.',
} as const;

/** Codes of errors that there are everywhere. */
export type CommonErrorCode =
  | keyof typeof FRAME
  | keyof typeof SERIALIZATION
  | keyof typeof HANDSHAKE
  | keyof typeof CRYPTO
  | keyof typeof ENDING
  | keyof typeof SESSION
  | keyof typeof STREAM
  | keyof typeof TRANSPORT
  | keyof typeof CONFIG;

/** The errors that there are everywhere. Node has more of them, and more to say of each: `lib/node-errors.ts`. */
export const ERRORS: Readonly<Record<CommonErrorCode, ErrorEntry>> = {
  ...of(STTFrameError, FRAME),
  ...of(STTSerializationError, SERIALIZATION),
  ...of(STTHandshakeError, HANDSHAKE),
  ...of(STTCryptoError, CRYPTO),
  ...of(STTSessionError, ENDING),
  ...of(STTSessionError, SESSION),
  ...of(STTStreamError, STREAM),
  ...of(STTTransportError, TRANSPORT),
  ...of(STTConfigError, CONFIG),
};

/** Codes of errors that there are in Node only. */
export type NodeErrorCode =
  | 'ERR_STT_PEER_NOT_ACCEPTED'
  | 'ERR_STT_PEER_RESTARTED'
  | 'ERR_STT_BACKEND_UNAVAILABLE'
  | 'ERR_STT_UNREACHABLE'
  | 'ERR_STT_TRANSFER_REFUSED'
  | 'ERR_STT_TRANSFER_FAILED'
  | 'ERR_STT_TRANSFER_INTEGRITY'
  | 'ERR_STT_TRANSFER_PROTOCOL'
  | 'ERR_STT_CHAMBER_ID'
  | 'ERR_STT_CHAMBER_VALUE'
  | 'ERR_STT_CHAMBER_DAMAGED'
  | 'ERR_STT_CHAMBER_FOREIGN'
  | 'ERR_STT_CHAMBER_FORMAT'
  | 'ERR_STT_CHAMBER_VERSION'
  | 'ERR_STT_CHAMBER_CONFLICT'
  | 'ERR_STT_CHAMBER_RESEALED'
  | 'ERR_STT_CHAMBER_FULL'
  | 'ERR_STT_CHAMBER_STORE'
  | 'ERR_STT_CHAMBER_EXPORT'
  | 'ERR_STT_CHAMBER_CLOSED';

/** Code of an STT error. */
export type ErrorCode = CommonErrorCode | NodeErrorCode;

let entries: Readonly<Partial<Record<ErrorCode, ErrorEntry>>> = ERRORS;
let advice: Readonly<Partial<Record<ErrorCode, string>>> = {};

/** @internal Adds errors, and what to do about each. */
export function defineErrors(more: Readonly<Record<NodeErrorCode, ErrorEntry>>, remedies: typeof advice): void {
  entries = { ...ERRORS, ...more };
  advice = remedies;
}

/** The error of a code, its message filled from the details. */
export function sttError(code: ErrorCode, details: Details = {}, options?: ErrorOptions): STTError {
  const { type, message } = entries[code]!;
  const filled = message.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? 'unknown'));
  const remedy = advice[code];
  return new type(code, remedy === undefined ? filled : `${filled} ${remedy}`, options);
}

const BY_CLOSE_CODE = new Map(
  (Object.entries(ENDING) as [ErrorCode, readonly [number, string]][]).map(([code, [closeCode]]) => [closeCode, code]),
);

/** The error code under which a session's close code is known (STT §11). */
export function errorCodeOfClose(closeCode: number): ErrorCode {
  if (closeCode >= CloseCode.APPLICATION) return 'ERR_STT_APPLICATION';
  return BY_CLOSE_CODE.get(closeCode) ?? 'ERR_STT_SESSION';
}
