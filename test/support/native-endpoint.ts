import { loadNative } from '../../lib/native/binding.js';
import { NativePacketEngine, type NativeEngineOptions } from '../../lib/native/packet-engine.js';
import type { PacketEngineEvents } from '../../lib/ports/packet-engine.js';
import { encodeAddress } from '../../lib/wire/address.js';
import { captureRows, type CapturedRow } from './engine-harness.js';

const { why } = loadNative();

/** Why the tests of the addon do not run here; where the native backend is asked for, its absence is a failure. */
export const skipReason: string | undefined =
  process.env['STT_BACKEND'] === 'js'
    ? 'this run is for the JS backend'
    : process.env['STT_BACKEND'] === 'native'
      ? undefined
      : why;

/** Name of a suite, with the reason if it is skipped. */
export function named(name: string): string {
  return skipReason === undefined ? name : `${name} (skipped: ${skipReason})`;
}

/** A native engine on a socket, and what it said. */
export class NativeEndpoint implements PacketEngineEvents {
  engine!: NativePacketEngine;
  readonly rows: CapturedRow[] = [];
  readonly errors: Error[] = [];
  /** Paths, and octets of datagrams that were refused there for their size. */
  readonly refused: (readonly [path: number, octets: number])[] = [];
  batches = 0;
  writable = 0;
  /** Packets in rows. */
  packets = 0;
  /** False once rows are too many to be kept. */
  keepsRows = true;
  /** Called inside `onBatch`, after the rows were kept. */
  inBatch: (rowCount: number) => void = () => {};
  inWritable: () => void = () => {};
  #waiting: (() => void) | undefined;

  static open(options: Partial<NativeEngineOptions> = {}): NativeEndpoint {
    const endpoint = new NativeEndpoint();
    endpoint.engine = NativePacketEngine.open({ host: '127.0.0.1', ...options, events: endpoint });
    opened.push(endpoint);
    return endpoint;
  }

  get address(): Uint8Array {
    const { address, port } = this.engine.boundAddress;
    return encodeAddress(address, port)!;
  }

  onBatch(rowCount: number, groupCount: number): void {
    this.batches++;
    const { rows } = this.engine;
    for (let row = 0; row < rowCount; row++) this.packets += rows[8 * row]! >>> 16;
    if (this.keepsRows) this.rows.push(...captureRows(this.engine, rowCount, groupCount));
    this.inBatch(rowCount);
    this.#waiting?.();
  }

  onRefusedSize(path: number, octets: number): void {
    this.refused.push([path, octets]);
  }

  onWritable(): void {
    this.writable++;
    this.inWritable();
    this.#waiting?.();
  }

  onError(error: Error): void {
    this.errors.push(error);
    this.#waiting?.();
  }

  /** Waits until something happened that makes `condition` true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}

const opened: NativeEndpoint[] = [];

/** For `afterEach`. */
export async function closeEndpoints(): Promise<void> {
  for (const endpoint of opened.splice(0)) await endpoint.engine.close();
}
