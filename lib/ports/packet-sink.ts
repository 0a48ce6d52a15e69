/**
 * Where a session puts the packets it wants sent: bound by the driver to one session and the path it uses.
 * Nothing of what is passed is kept beyond the call.
 */
export interface PacketSink {
  /**
   * Seals octets `begin..end` of `chunk` as consecutive packets of one STREAM frame each: packet numbers `pn`,
   * `pn + 1`, ..., `payload` octets a packet (the last may hold fewer). With `fin` the very last one carries STREAM_END.
   * `begin === end` with `fin` makes one empty packet.
   * Returns the number of packets taken; fewer than all means that the transmit buffer is full until it is writable.
   * Absent where no runs are sent: see `Sending`.
   */
  sealStreamRun?(
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number;
  /**
   * Seals octets `begin..end` of `frames`, a sequence of whole frames, as one packet. False if the transmit buffer is
   * full. `path`: where it goes, if not over the path in use.
   */
  sealFrames(pn: number, frames: Uint8Array, begin: number, end: number, path?: number): boolean;
  /** Whether packets on the path in use are sent with ECT(0) from now on, until that is another one. Absent: never. */
  mark?(on: boolean): void;
  /** Asked before each packet where no runs are sent: true if `sealFrames` would take none. */
  isFull?(): boolean;
}
