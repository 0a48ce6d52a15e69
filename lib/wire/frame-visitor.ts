/** Takes the frames of a packet. Every call gives a close code; anything but 0 ends the parsing with that code. */
export interface FrameVisitor {
  /** A run of zeros. */
  onPadding(octets: number): number;
  /** An unreliable message and the tag that its sender gave it. */
  onData(tag: number, bytes: Uint8Array, begin: number, end: number): number;
  /** Octets of a stream; with `fin` its last ones, and then there may be none. */
  onStream(streamId: number, offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number;
  /** `ranges`: `rangeCount` pairs [lo, hi], descending and disjoint; valid during the call. */
  onAck(
    largest: number,
    delayUs: number,
    ranges: Float64Array,
    rangeCount: number,
    hasEcn: boolean,
    ect0: number,
    ect1: number,
    ce: number,
  ): number;
  /** A user-defined frame, type 0x80-0xFF. */
  onUser(type: number, bytes: Uint8Array, begin: number, end: number): number;
  /** A PING, its token of TOKEN_OCTETS from `begin`; PONG, PATH_CHALLENGE and PATH_RESPONSE alike. */
  onPing(bytes: Uint8Array, begin: number): number;
  onPong(bytes: Uint8Array, begin: number): number;
  /** The absolute limit of a stream, or of the session (id 0). */
  onFlowCredit(streamId: number, limit: number): number;
  /** Octets `begin..end` are the reason: meant to be UTF-8, but not checked. */
  onSessionClose(code: number, bytes: Uint8Array, begin: number, end: number): number;
  /** How many streams may be opened in all, at most 2^31. */
  onStreamLimit(count: number): number;
  onStreamReset(streamId: number, code: number, finalSize: number): number;
  onStopSending(streamId: number, code: number): number;
  onPathChallenge(bytes: Uint8Array, begin: number): number;
  onPathResponse(bytes: Uint8Array, begin: number): number;
  /** RESET_TOKEN_OCTETS from `begin`. */
  onResetToken(bytes: Uint8Array, begin: number): number;
  onAckFrequency(sequence: number, threshold: number, maxDelayUs: number): number;
  onImmediateAck(): number;
  /** Octets `begin..end` are serialized addresses, not checked. */
  onAltAddress(bytes: Uint8Array, begin: number, end: number): number;
}
