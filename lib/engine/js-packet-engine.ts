import type { CryptoProvider } from '../ports/crypto.js';
import type { PacketEngine, PacketEngineEvents, PacketEngineStats, SessionKeys } from '../ports/packet-engine.js';
import { GROUP_WORDS, ROW_WORDS } from '../ports/packet-engine.js';
import type { DatagramOutput } from './datagram-output.js';

export interface JsPacketEngineOptions {
  readonly crypto: CryptoProvider;
  readonly events: PacketEngineEvents;
  readonly output: DatagramOutput;
}

/**
 * The packet engine in plain JavaScript: executable specification of the native one, and what runs where there is no
 * native one. Sans-IO: datagrams come in by `receive`, rows go out by `deliver`, datagrams go out to a `DatagramOutput`.
 */
export class JsPacketEngine implements PacketEngine {
  readonly backend = 'js';
  readonly rows = new Uint32Array(ROW_WORDS);
  readonly groups = new Uint32Array(GROUP_WORDS);
  readonly slab = new Uint8Array(0);

  constructor(options: JsPacketEngineOptions) {
    void options;
  }

  /** Works on one datagram and queues its rows. `datagram` and `address` are borrowed. Not to be called from `onBatch`. */
  receive(datagram: Uint8Array, address: Uint8Array): void {
    void [datagram, address];
  }

  /** Fires `onBatch` for the queued rows, if there are any. */
  deliver(): void {}

  /** The output is done with `count` more datagrams, in the order of sending. */
  released(count: number): void {
    void count;
  }

  setMac1Keys(keys: readonly Uint8Array[]): void {
    void keys;
  }
  expectHandshake(handshakeId: Uint8Array): void {
    void handshakeId;
  }
  forgetHandshake(handshakeId: Uint8Array): void {
    void handshakeId;
  }
  openSession(keys: SessionKeys): number {
    void keys;
    return -1;
  }
  closeSession(slot: number): void {
    void slot;
  }
  openPath(address: Uint8Array): number {
    void address;
    return 0;
  }
  closePath(path: number): void {
    void path;
  }
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
  ): number {
    void [slot, path, pn, streamId, offset, fin, chunk, begin, end, payload];
    return 0;
  }
  sealFrames(slot: number, path: number, pn: number, frames: Uint8Array, begin: number, end: number): boolean {
    void [slot, path, pn, frames, begin, end];
    return false;
  }
  sendDatagram(address: Uint8Array, datagram: Uint8Array): boolean {
    void [address, datagram];
    return false;
  }
  flush(): void {}
  stats(): PacketEngineStats {
    throw new RangeError('not yet');
  }
  async close(): Promise<void> {}
}
