import { afterEach, describe, expect, it } from 'vitest';
import { loadNative } from '../../../lib/native/binding.js';
import { NativePacketEngine } from '../../../lib/native/packet-engine.js';
import type { PacketEngine, PacketEngineEvents } from '../../../lib/ports/packet-engine.js';
import { openJsEngine } from '../../../lib/transport/udp-js.js';
import { encodeAddress } from '../../../lib/wire/address.js';
import { captureRows, hex, sessionKeys, testCrypto } from '../../support/engine-harness.js';

const { addon, why } = loadNative();
// Where the native backend is asked for, its absence is a failure, not a reason to skip.
const skips = addon === undefined && process.env['STT_BACKEND'] !== 'native';

const open: PacketEngine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

/** An engine on a socket that puts together the octets of the one stream it receives. */
class End implements PacketEngineEvents {
  engine!: PacketEngine;
  address!: Uint8Array;
  octets = '';
  wake: () => void = () => {};

  static async open(kind: 'native' | 'js', host: string): Promise<End> {
    const end = new End();
    if (kind === 'native') {
      const engine = NativePacketEngine.open({ events: end, host, port: 0 });
      end.engine = engine;
      end.address = encodeAddress(host, engine.boundAddress!.port)!;
    } else {
      const { engine, boundAddress } = await openJsEngine({ crypto: testCrypto, events: end, host, port: 0 });
      end.engine = engine;
      end.address = encodeAddress(host, boundAddress.port)!;
    }
    open.push(end.engine);
    return end;
  }

  onBatch(rowCount: number, groupCount: number): void {
    for (const row of captureRows(this.engine, rowCount, groupCount)) this.octets += row.octets;
    this.wake();
  }
  onWritable(): void {}
  onError(error: Error): void {
    throw error;
  }
}

describe.skipIf(skips)(`native and JS engine on sockets${skips ? ` (skipped: ${why})` : ''}`, () => {
  it.each([
    ['native', 'js', '127.0.0.1'],
    ['js', 'native', '127.0.0.1'],
    ['native', 'js', '::1'],
    ['js', 'native', '::1'],
  ] as const)('carry a stream from %s to %s at %s', async (from, to, host) => {
    const sender = await End.open(from, host);
    const receiver = await End.open(to, host);
    const [own, peer] = sessionKeys(1);
    const slot = sender.engine.openSession(own);
    receiver.engine.openSession(peer);
    const path = sender.engine.openPath(receiver.address);
    const chunk = Uint8Array.from({ length: 50_000 }, (_, i) => i % 253);
    expect(sender.engine.sealStreamRun(slot, path, 0, 1, 0, true, chunk, 0, chunk.length, 1_155)).toBe(44);
    sender.engine.flush();
    while (receiver.octets.length < 2 * chunk.length) await new Promise<void>((resolve) => (receiver.wake = resolve));
    expect(receiver.octets === hex(chunk)).toBe(true);
    expect(receiver.engine.stats()).toMatchObject({ datagramsReceived: 44, packetsOpened: 44 });
    expect(sender.engine.stats()).toMatchObject({ datagramsSent: 44, sendErrors: 0 });
  });
});
