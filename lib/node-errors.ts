import {
  defineErrors,
  ERRORS as COMMON_ERRORS,
  STTError,
  STTHandshakeError,
  STTSessionError,
  STTTransportError,
  type ErrorCode,
  type ErrorEntry,
  type NodeErrorCode,
} from './errors.js';
import './option-hints.js';

/*
 * What errors are in Node beyond what they are everywhere: those of parts that browsers have not, what to do about
 * each, and which option may have been meant. To import this module is to have it: package.json lists it among those with side effects.
 */

export * from './errors.js';

/** A chamber that cannot be opened, or a record that cannot be stored or read. */
export class STTChamberError extends STTError {}
/** A file transfer that could not be done. */
export class STTTransferError extends STTError {}

const NODE_ERRORS = {
  ERR_STT_PEER_NOT_ACCEPTED: {
    type: STTHandshakeError,
    message:
      'This node does not accept the node at {remote} as a peer: look at `allowedPeers`, `authorize`, and what was revoked.',
  },
  ERR_STT_PEER_RESTARTED: {
    type: STTSessionError,
    message: '{remote} was started anew and lost this session. What was not acknowledged may be lost; connect again.',
  },
  ERR_STT_BACKEND_UNAVAILABLE: {
    type: STTTransportError,
    message:
      'The native backend was demanded but cannot be used: {why}. Build it with `npm run build`, or use the JS backend.',
  },
  ERR_STT_UNREACHABLE: {
    type: STTTransportError,
    message: 'No session with {remote}, neither over UDP nor over WebSocket. UDP: {udp} WebSocket: {webSocket}',
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
} as const satisfies Record<NodeErrorCode, Omit<ErrorEntry, 'type'> & { type: unknown }>;

/** The likely cause, and what to do. */
const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_STT_FRAME_MALFORMED: 'The octets are damaged or no STTFrame.',
  ERR_STT_FRAME_TOO_LARGE: 'Split the payload.',
  ERR_STT_FRAME_ENCRYPTED: 'Decrypt it first, or make a new frame.',
  ERR_STT_SERIALIZE_UNSUPPORTED: 'Use null, booleans, numbers, bigints, strings, Uint8Array, arrays or objects.',
  ERR_STT_SERIALIZE_RANGE: 'Send it as a string or as bytes.',
  ERR_STT_SERIALIZE_DEPTH: 'Flatten it.',
  ERR_STT_HANDSHAKE_FAILED: 'Check that both sides hold the same shared seed and speak to each other.',
  ERR_STT_HANDSHAKE_TIMEOUT:
    'Or it pins another peer, or does not accept; or nothing listens there, or a firewall drops UDP: it is silent in all of these cases.',
  ERR_STT_HANDSHAKE_SELF: 'Two nodes that connect to each other need node seeds of their own.',
  ERR_STT_PEER_MISMATCH: 'Check `peerNodeId`, or somebody else with the shared seed answered.',
  ERR_STT_VERSION: 'Update the older side.',
  ERR_STT_CHUNK_REFUSED:
    'The chunks were damaged, doubled, mixed with others, or moved out of bounds; fetch them again.',
  ERR_STT_CHUNKS_INCOMPLETE: 'They were cut short or some were lost; fetch them again.',
  ERR_STT_CHUNKS_EXHAUSTED: 'Use larger chunks, or several streams.',
  ERR_STT_SEED_TOO_SHORT: '`stt keygen` makes one.',
  ERR_STT_PROTOCOL: 'The sides may run incompatible versions.',
  ERR_STT_CRYPTO: 'Connect again for fresh keys.',
  ERR_STT_IDLE_TIMEOUT: 'The peer is gone or the network is down; connect again.',
  ERR_STT_REFUSED: 'One side does not accept, or no longer accepts, the other as a peer.',
  ERR_STT_INTERNAL: 'Please report it.',
  ERR_STT_CLOSE_TIMEOUT: 'The peer may lack the rest.',
  ERR_STT_MESSAGE_TOO_LARGE: 'Use a stream, or split it.',
  ERR_STT_KEY_EXCHANGE: 'The session goes on with those it has, and tries again in a minute.',
  ERR_STT_QUEUE_FULL: 'Wait for earlier ones, or raise `sendQueueOctets`.',
  ERR_STT_STREAM_BUFFER_FULL: 'Wait for room after write() returned false.',
  ERR_STT_WEBSOCKET:
    'Check that the node listens for WebSocket there, that its certificate fits the name, and that it allows this origin.',
  ERR_STT_CONNECTION_LOST: 'The other side ended or the network broke; connect again.',
  ERR_STT_TRANSPORT_CLOSED: 'Open another one.',
  ERR_STT_TRANSPORT_FULL: 'Wait for `sendFrame` to resolve, or raise `sendQueueOctets`.',
};

defineErrors(NODE_ERRORS as Readonly<Record<NodeErrorCode, ErrorEntry>>, ADVICE);

/** The one table of errors; docs/errors.md is made from it. */
export const ERRORS = Object.fromEntries(
  Object.entries({ ...COMMON_ERRORS, ...NODE_ERRORS }).map(([code, entry]) => {
    const advice = ADVICE[code as ErrorCode];
    return [code, advice === undefined ? entry : { ...entry, message: `${entry.message} ${advice}` }];
  }),
) as unknown as Readonly<Record<ErrorCode, ErrorEntry>>;
