import { JsPacketEngine } from '../../lib/engine/js-packet-engine.js';
import { NativePacketEngine } from '../../lib/native/packet-engine.js';
import type { PacketEngine, PacketEngineEvents, SessionKeys } from '../../lib/ports/packet-engine.js';
import { ADDRESS_A, captureRows, testCrypto, type CapturedRow } from './engine-harness.js';
import { skipReason } from './native-endpoint.js';

/** The engines there are here. */
export const ENGINES = skipReason === undefined ? (['js', 'native'] as const) : (['js'] as const);

/** A packet engine without a socket: datagrams go in, rows and datagrams come out. */
export interface Bench {
  readonly engine: PacketEngine;
  readonly slot: number;
  /** Packets come in as one batch. Gives their rows. */
  take(...packets: readonly Uint8Array[]): CapturedRow[];
  /** What was sealed since the last call. */
  sealed(): Uint8Array[];
}

type Made = PacketEngine & { deliver(): void };

/** An engine with one session. */
export function engineBench(backend: 'native' | 'js', keys: SessionKeys): Bench {
  const rows: CapturedRow[] = [];
  const sent: Uint8Array[] = [];
  const events: PacketEngineEvents = {
    onBatch: (rowCount, groupCount) => void rows.push(...captureRows(engine, rowCount, groupCount)),
    onWritable: () => {},
    onError: (error) => {
      throw error;
    },
  };
  const native = backend === 'native' ? NativePacketEngine.withoutSocket(events) : undefined;
  const js =
    native === undefined
      ? new JsPacketEngine({
          crypto: testCrypto,
          events,
          output: {
            canMark: false,
            receiveBufferOctets: 0,
            sendBufferOctets: 0,
            send: (_address, bytes, begin, end) => sent.push(bytes.slice(begin, end)) > 0,
            close: () => Promise.resolve(),
          },
        })
      : undefined;
  const engine: Made = native ?? js!;
  return {
    engine,
    slot: engine.openSession(keys),
    take: (...packets) => {
      rows.length = 0;
      for (const packet of packets) {
        native?.receive(packet, ADDRESS_A);
        js?.receive(packet, ADDRESS_A);
      }
      engine.deliver();
      return rows.slice();
    },
    sealed: () => {
      engine.flush();
      return native?.takeSealed().map(({ datagram }) => datagram) ?? sent.splice(0);
    },
  };
}
