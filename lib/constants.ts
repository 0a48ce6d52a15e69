/** STTFrame types (STT §3); 0x80-0xFF are the application's. */
export const FrameType = {
  DATA: 0x01,
  CONTROL: 0x02,
  STREAM: 0x03,
  AUTH: 0x04,
  HANDSHAKE: 0x05,
  ACK: 0x06,
  USER_FIRST: 0x80,
  USER_LAST: 0xff,
} as const;

/** STTFrame flags (STT §3). */
export const FrameFlag = {
  FRAGMENT: 0x01,
  STREAM_INIT: 0x02,
  STREAM_END: 0x04,
  STREAM_SEGMENT: 0x08,
  PRIORITY_HIGH: 0x10,
  PRIORITY_LOW: 0x20,
} as const;

/** Types of a frame inside a packet (STT §6); 0x80-0xFF are the application's. */
export const PacketFrame = {
  PADDING: 0x00,
  DATA: 0x01,
  CONTROL: 0x02,
  STREAM: 0x03,
  ACK: 0x06,
  USER_FIRST: 0x80,
} as const;

/** Types of a CONTROL frame inside a packet (STT §6). */
export const ControlType = {
  PING: 0x01,
  PONG: 0x02,
  FLOW_CREDIT: 0x03,
  SESSION_CLOSE: 0x05,
  STREAM_LIMIT: 0x07,
  STREAM_RESET: 0x08,
  STOP_SENDING: 0x09,
  PATH_CHALLENGE: 0x0a,
  PATH_RESPONSE: 0x0b,
  RESET_TOKEN: 0x0c,
  ACK_FREQUENCY: 0x0d,
  IMMEDIATE_ACK: 0x0e,
  ALT_ADDRESS: 0x0f,
} as const;

/** First octet of a handshake payload (STT §4). */
export const HandshakeType = { HELLO: 0x01, HELLO_RESP: 0x02, COOKIE_REPLY: 0x03, VERSIONS: 0x04 } as const;

/** Close codes of a session (STT §11); applications use codes from 256 on. */
export const CloseCode = {
  NONE: 0,
  PROTOCOL: 1,
  CRYPTO: 2,
  SESSION: 3,
  STREAM: 4,
  FLOW_CONTROL: 5,
  STREAM_LIMIT: 6,
  FINAL_SIZE: 7,
  FRAME_ENCODING: 8,
  KEY_ROTATION: 9,
  IDLE_TIMEOUT: 10,
  REFUSED: 11,
  INTERNAL: 255,
  APPLICATION: 256,
} as const;

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
