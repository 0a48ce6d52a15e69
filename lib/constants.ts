/** STTFrame types (STT §3); 0x80-0xFF are the application's. */
export * as FrameType from './constants/frame-type.js';

/** STTFrame flags (STT §3). */
export * as FrameFlag from './constants/frame-flag.js';

/** Types of a frame inside a packet (STT §6); 0x80-0xFF are the application's. */
export * as PacketFrame from './constants/packet-frame.js';

/** Types of a CONTROL frame inside a packet (STT §6). */
export * as ControlType from './constants/control-type.js';

/** First octet of a handshake payload (STT §4). */
export * as HandshakeType from './constants/handshake-type.js';

/** Close codes of a session (STT §11); applications use codes from 256 on. */
export * as CloseCode from './constants/close-code.js';

/** The version this implementation speaks (STT §4). */
export const PROTOCOL_VERSION = 1;
/** Octets of a HELLO or HELLO_RESP on UDP, and the smallest path MTU (STT §4, §7). */
export const MIN_DATAGRAM = 1200;
/** Largest UDP payload. */
export const MAX_DATAGRAM = 65_507;
/** Header (13) and tag (16) of a packet (STT §5). */
export const PACKET_OVERHEAD = 29;
/** Octets of a stateless reset (STT §5): a token of 16 that looks like the end of a short packet. */
export const MIN_RESET = 30;
export const MAX_RESET = 46;
export const PACKET_HEADER = 13;
export const TAG_OCTETS = 16;
/** The fixed header of a STREAM frame, with its type (STT §6). */
export const STREAM_HEADER = 16;
export const SESSION_ID_OCTETS = 8;
export const NODE_ID_OCTETS = 32;
/** Largest value of a length, count, id or offset (STT §1). */
export const MAX_VARINT = Number.MAX_SAFE_INTEGER;
/** Largest STTFrame after its length field (STT §3). */
export const MAX_FRAME_OCTETS = 2 * 1024 * 1024;
/** Packets that the replay window looks back (STT §5). */
export const REPLAY_WINDOW = 16_384;
/** Shared seeds that a node holds at most (STT §4). */
export const MAX_SEEDS = 64;
