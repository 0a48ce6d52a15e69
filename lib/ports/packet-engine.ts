import type { Suite } from './crypto.js';

/*
 * A packet engine owns a socket, the receive keys and replay windows of its sessions, and the two big buffers
 * (delivery slab, transmit slab). It does all that is done per datagram; it decides nothing. Two implementations, one
 * behaviour: the native addon, and pure JS. What they share with the driver are integers and bytes:
 *
 *   rows    eight u32 each    what was received, in order, runs of consecutive packets of one stream coalesced
 *   groups  four u32 each     which session and path the rows from `first row` on belong to
 *   slab    octets            stream payload lies contiguous; everything in it is valid during the callback only
 */

/** Words of a row: see `Row`. */
export const ROW_WORDS = 8;
/** Words of a group: see `Group`. */
export const GROUP_WORDS = 4;

/** Offsets inside a row. */
export const Row = {
  /** `RowType | RowFlag << 8 | packet count << 16` */
  HEAD: 0,
  /** Offset in the slab. */
  BEGIN: 1,
  /** Octets. */
  LENGTH: 2,
  /** STREAM: stream id. HANDSHAKE: index of the shared seed whose mac1 fits a HELLO, else NONE. STRAY: octets of the datagram. */
  STREAM_ID: 3,
  /** STREAM: stream offset of the first octet, low and high word. */
  OFFSET_LO: 4,
  OFFSET_HI: 5,
  /** STREAM and FRAMES: packet number of the first packet of the row, low and high word. */
  PN_LO: 6,
  PN_HI: 7,
} as const;

export const RowType = {
  /** `count` packets, each led by a STREAM frame, continuing one another in stream, offset and packet number. */
  STREAM: 1,
  /**
   * Frames of one packet, unparsed: all of its payload, or (flag REST) what follows its leading STREAM frame. Length 0
   * without REST: the tag was right but the payload empty or a reserved bit set, for which a session closes with
   * PROTOCOL (STT §5). STREAM frames of stream 0 and malformed ones are not made STREAM rows but given here.
   */
  FRAMES: 2,
  /**
   * A whole handshake STTFrame, sender's address in the ADDRESS_OCTETS before it in the slab: a HELLO whose mac1
   * verified, or another message that answers an expected handshake id.
   */
  HANDSHAKE: 3,
  /** No octets: this session has reached its limit of failed openings. */
  FORGERY_LIMIT: 4,
  /** No octets: the peer knows nothing of this session any more (STT §5, stateless reset). */
  RESET: 5,
  /**
   * A packet of a session that is not in the table, as long as `reportStrays` allows: its session id, sender's address
   * in the ADDRESS_OCTETS before it in the slab.
   */
  STRAY: 6,
} as const;

export const RowFlag = {
  /** STREAM: the last packet of the row carries STREAM_END. */
  END: 1,
  /** FRAMES: the packet is already counted by the STREAM row before. */
  REST: 2,
} as const;

/** Offsets inside a group. */
export const Group = {
  FIRST_ROW: 0,
  /** Slot of the session, NONE for rows of handshakes and strays. */
  SLOT: 1,
  /**
   * Path id the rows came in on. An authentic packet from an address that is no path yet makes it one; it is forgotten
   * after the callback unless `openPath` counts it. NONE in rows of others, whose address is no path.
   */
  PATH: 2,
  /** See `Marks`. */
  MARKS: 3,
} as const;

/** Parts of a group's marks. */
export const Marks = {
  /** Bits of ECN of the IP header. */
  ECN_MASK: 3,
  /** The key phase above them, of which there is room for 24 bits. */
  PHASE_SHIFT: 8,
  PHASE_MASK: 0xffffff,
} as const;

/** "No such thing" in rows and groups. */
export const NONE = 0xffffffff;

/** An address on this side of the engine: IPv6 or IPv4-mapped address (16) || port u16 || scope id u32, big-endian. */
export const ADDRESS_OCTETS = 22;

/** Keys of one direction of a session in one phase (STT §5): AEAD key (32), nonce base (12). */
export interface PhaseKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** Those of phase 0, with the header-protection key (32), which stays the same in all phases. */
export interface DirectionKeys extends PhaseKeys {
  readonly hp: Uint8Array;
}

export interface SessionKeys {
  readonly sessionId: Uint8Array;
  readonly suite: Suite;
  readonly send: DirectionKeys;
  readonly receive: DirectionKeys;
  /** Failed openings after which a FORGERY_LIMIT row is given, once (STT §5: 2^36). */
  readonly forgeryLimit: number;
}

/** Totals since the engine was made. Every datagram that came in is counted exactly once in the `received*`/`dropped*` fields. */
export interface PacketEngineStats {
  datagramsReceived: number;
  octetsReceived: number;
  datagramsSent: number;
  octetsSent: number;
  /** Packets whose tag verified and that were new. */
  packetsOpened: number;
  /** Handshake datagrams given to the driver. */
  handshakesReceived: number;
  /** Empty, too short, neither 'S' nor a packet, or a malformed, misplaced or over-long STTFrame. */
  droppedMalformed: number;
  /** A HELLO whose mac1 fits no seed, or an answer to no pending handshake. */
  droppedStrangers: number;
  /** A HELLO without a cookie while `demandCookies` is on: answered by COOKIE_REPLY, if the transmit buffer had room. */
  droppedUnproven: number;
  /** Packet of a session that is not in the table. */
  droppedUnknownSession: number;
  /** Duplicate, or older than the replay window. */
  droppedReplays: number;
  /** The tag did not verify. */
  droppedForgeries: number;
  /** Stateless resets: they did not open, and end with the token of their session. */
  resetsReceived: number;
  /** Key phase for which there is no key. */
  droppedNoKey: number;
  /** Datagrams given up because the operating system refused them for good (not EAGAIN). */
  sendErrors: number;
  /** Times the socket's send buffer was full. */
  sendBlocked: number;
  receiveCalls: number;
  sendCalls: number;
  /** Segmentation offload in use now, or why not. */
  gso: boolean;
  gro: boolean;
  /** As `PacketEngine.canMark`, or false since the system refused. */
  ecn: boolean;
  /** As `PacketEngine.dontFragment`. */
  dontFragment: boolean;
  receiveBufferOctets: number;
  sendBufferOctets: number;
  /** What the engine holds now: sessions and paths that are open, handshakes whose answer may come. */
  sessions: number;
  paths: number;
  expectedHandshakes: number;
  /** Waits for an answer that were begun awake (`busyPollMicros`), and those of them that something ended in time. */
  busyPolls: number;
  busyPollHits: number;
}

export interface PacketEngineEvents {
  /** `rowCount` rows and `groupCount` groups are in `rows` and `groups`; they and the slab are the caller's until it returns. */
  onBatch(rowCount: number, groupCount: number): void;
  /** The transmit buffer has room again after a refusal. */
  onWritable(): void;
  /**
   * On `flush`: a datagram for a connection outside the engine, whose address (borrowed) `isConnection`
   * knows; `datagram` is the callee's. What was refused for connections may go on when this was called: nobody calls `onWritable` for that.
   */
  onConnectionDatagram?(address: Uint8Array, datagram: Uint8Array): void;
  /**
   * The system refused to send a datagram of so many octets on a path (NONE if there is no such path any more), as it is
   * larger than the interface carries. Told soon: at the next `flush` at the latest.
   */
  onRefusedSize?(path: number, octets: number): void;
  /** The socket failed for good; the engine is closed. */
  onError(error: Error): void;
}

export interface BoundAddress {
  readonly address: string;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
}

export interface PacketEngine {
  readonly backend: 'native' | 'js';
  readonly rows: Uint32Array;
  readonly groups: Uint32Array;
  readonly slab: Uint8Array;
  /** Datagrams that are too large for a path get lost there; else the system cuts them up and they seem to fit. */
  readonly dontFragment: boolean;
  /** Puts ECN marks into the IP headers of what is sent (RFC 9000 §13.4); else `markPath` does nothing. */
  readonly canMark: boolean;

  /** Keys against which mac1 of a HELLO is checked, by seed index (at most 64). */
  setMac1Keys(keys: readonly Uint8Array[]): void;
  /**
   * Under load (STT §4, step 4): of the HELLOs whose mac1 fits, only those go to the driver whose mac2 proves their
   * sender's address; all others are answered by COOKIE_REPLY here, before anything of them is kept or computed.
   * @param cookieKeys - by seed index, 32 octets each, as many as there are mac1 keys
   * @param secrets - those behind cookies, 32 octets each: the current one first, then the one before; none: no more
   */
  demandCookies(cookieKeys: readonly Uint8Array[], secrets: readonly Uint8Array[]): void;
  /** Lets answers with this handshake id (8 octets) through until `forgetHandshake`. */
  expectHandshake(handshakeId: Uint8Array): void;
  forgetHandshake(handshakeId: Uint8Array): void;

  /** Takes a session in and gives its slot; slots are reused. -1 if the id is taken. */
  openSession(keys: SessionKeys): number;
  /** Forgets the session and wipes its keys. */
  closeSession(slot: number): void;
  /** What ends a stateless reset of this session, RESET_TOKEN_OCTETS; without one, none is recognized. */
  setResetToken(slot: number, token: Uint8Array): void;
  /** What is sealed for the session on this path from now on is sent with ECT(0), all else without; NONE: nothing is. */
  markPath(slot: number, path: number): void;
  /** The next `count` packets of sessions that are not in the table are told; none before the first call. */
  reportStrays(count: number): void;

  /**
   * Gives a session the keys of its next phase (STT §5). Packets of that phase are opened from now on; the first one
   * makes its keys the current ones and those before the old ones. False if there is no such session, or keys given
   * before have not come into use in both directions.
   */
  installNextKeys(slot: number, send: PhaseKeys, receive: PhaseKeys): boolean;
  /** Seals with the keys of the next phase from now on, if there are any. */
  switchSendKeys(slot: number): void;
  /** Wipes the keys for packets of the phase before the current one. */
  dropOldKeys(slot: number): void;

  /** A path to a remote address (ADDRESS_OCTETS); the same address gives the same id, counted. */
  openPath(address: Uint8Array): number;
  closePath(path: number): void;
  /** The address of a path, a copy; `undefined` if there is no such path. */
  pathAddress(path: number): Uint8Array | undefined;

  /** See `PacketSink`. */
  sealStreamRun(
    slot: number,
    path: number,
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number;
  sealFrames(slot: number, path: number, pn: number, frames: Uint8Array, begin: number, end: number): boolean;
  /** Queues one datagram as it is (handshake). False if the transmit buffer is full: it is dropped. */
  sendDatagram(address: Uint8Array, datagram: Uint8Array): boolean;
  /** Hands what was sealed to the operating system, and to `onConnectionDatagram`. */
  flush(): void;

  /**
   * Works on one datagram (65,527 octets at most) as if it had come in from `address`, and queues its rows; both are
   * borrowed. Delivers what is queued first if there is no room left. Not to be called from `onBatch`.
   * `ecn`: the two ECN bits of its IP header, 0 by default.
   */
  receive(datagram: Uint8Array, address: Uint8Array, ecn?: number): void;
  /** Fires `onBatch` for what is queued, if there is anything. Not to be called from `onBatch`. */
  deliver(): void;

  stats(): PacketEngineStats;
  /** Closes the socket; what was flushed is sent, nothing more is called back. Idempotent. */
  close(): Promise<void>;
}
