/**
 * One bidirectional byte stream of a session (STT §6). Made by `Session.openStream`, or given to
 * `SessionObserver.onStream`. Its calls only change state: what is to be sent goes out with the next `pollTransmit`.
 */
export class Stream {
  /** Odd from the initiator, even from the responder. */
  readonly id: number;
  /** Belongs to the layer above. */
  attachment: unknown = undefined;

  constructor(id: number) {
    this.id = id;
  }

  /**
   * Queues octets. A chunk of 16 KiB or more is kept by reference until it is acknowledged and must not be changed
   * until then; a smaller one is copied. An empty chunk does nothing. After a reset, a stop or the end of the session
   * the octets are dropped.
   * Returns false if now `sendHighWater` or more octets are unsent: wait for `onStreamWritable`.
   * Throws ERR_STT_INVALID_STATE after `finish`, ERR_STT_STREAM_BUFFER_FULL if `sendBufferLimit` was already reached.
   */
  write(_chunk: Uint8Array): boolean {
    return true;
  }

  /** No more octets follow: STREAM_END goes out with the last one. Idempotent. `onStreamFinished` tells that all arrived. */
  finish(): void {}

  /** Gives up sending: what is not acknowledged is dropped and the peer told. Nothing if everything was acknowledged, or reset before. */
  reset(_code: number): void {}

  /** Gives up receiving: what comes is dropped (and credited), and the peer is asked to stop. Nothing once all was received. */
  stopSending(_code: number): void {}

  /**
   * Gives credit back for octets of `onStreamData` that the application has taken. Call it for every octet, also after
   * `onStreamEnd` and `onStreamClosed`: the session's window counts them until then. (Octets given up by
   * `onStreamReset` or dropped by `stopSending` that were not consumed by then are credited by themselves.)
   */
  consumed(_octets: number): void {}

  /** Share of the sending rate relative to the other streams, 1..256, default 16; the lowest still gets 1/16 of the highest. */
  setWeight(_weight: number): void {}

  /** Octets written and not sent yet. */
  get bufferedOctets(): number {
    return 0;
  }

  /** Octets sent and not acknowledged. */
  get unackedOctets(): number {
    return 0;
  }

  /** All written octets and STREAM_END are acknowledged, or the sending side was reset. */
  get sendClosed(): boolean {
    return false;
  }

  /** Everything was received, or the receiving side was reset. */
  get receiveClosed(): boolean {
    return false;
  }
}
