import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { RowType, type PacketEngineEvents } from '../../../lib/ports/packet-engine.js';
import { openJsEngine, type JsEngineOptions, type OpenedJsEngine } from '../../../lib/transport/udp-js.js';
import { encodeAddress, formatAddress } from '../../../lib/wire/address.js';
import {
  captureRows,
  handshakeFrame,
  hex,
  sessionKeys,
  testCrypto,
  type CapturedRow,
} from '../../support/engine-harness.js';

/** An engine on a socket, and what it said. */
class Endpoint implements PacketEngineEvents {
  opened!: OpenedJsEngine;
  readonly rows: CapturedRow[] = [];
  batches = 0;
  writable = 0;
  errors: Error[] = [];
  #waiting: (() => void) | undefined;
  reply: (() => void) | undefined;

  static async open(options: Partial<JsEngineOptions> = {}): Promise<Endpoint> {
    const endpoint = new Endpoint();
    endpoint.opened = await openJsEngine({
      crypto: testCrypto,
      events: endpoint,
      host: '127.0.0.1',
      port: 0,
      ...options,
    });
    open.push(endpoint);
    return endpoint;
  }

  get engine(): OpenedJsEngine['engine'] {
    return this.opened.engine;
  }

  get address(): Uint8Array {
    const { address, port } = this.opened.boundAddress;
    return encodeAddress(address, port)!;
  }

  onBatch(rowCount: number, groupCount: number): void {
    this.batches++;
    this.rows.push(...captureRows(this.engine, rowCount, groupCount));
    this.reply?.();
    this.#waiting?.();
  }
  onWritable(): void {
    this.writable++;
    this.#waiting?.();
  }
  onError(error: Error): void {
    this.errors.push(error);
  }

  /** Waits until something happened that makes `condition` true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}

const open: Endpoint[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.engine.close();
});

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const ANSWER = handshakeFrame(ID, Uint8Array.of(2, 9, 9));

describe('dgram loop', () => {
  it('carries a stream between two sockets', async () => {
    const a = await Endpoint.open();
    const b = await Endpoint.open();
    const [own, peer] = sessionKeys(1);
    const from = a.engine.openSession(own);
    const to = b.engine.openSession(peer);
    const back = b.engine.openPath(a.address);
    const path = a.engine.openPath(b.address);
    const chunk = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251);
    expect(a.engine.sealStreamRun(from, path, 0, 1, 0, true, chunk, 0, chunk.length, 1_155)).toBe(18);
    a.engine.flush();
    await b.until(() => b.rows.reduce((sum, row) => sum + row.count, 0) === 18);
    expect(b.rows.map((row) => row.octets).join('') === hex(chunk)).toBe(true);
    expect(b.rows[0]).toMatchObject({ type: RowType.STREAM, slot: to, path: back });
    expect(b.engine.stats()).toMatchObject({ datagramsReceived: 18, packetsOpened: 18 });
    expect(a.engine.stats()).toMatchObject({ datagramsSent: 18, sendErrors: 0 });
    expect(b.engine.stats().receiveBufferOctets).toBeGreaterThan(0);
  });

  it('makes one batch of what one turn reads', async () => {
    const a = await Endpoint.open();
    const b = await Endpoint.open();
    b.engine.expectHandshake(ID);
    for (let i = 0; i < 20; i++) a.engine.sendDatagram(b.address, ANSWER);
    a.engine.flush();
    await b.until(() => b.rows.length === 20);
    expect(b.batches).toBeLessThanOrEqual(3);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '::1'],
    ['::', '127.0.0.1'],
  ])('bound to %s it is reached at %s, and answers where the datagram came from', async (host, target) => {
    const server = await Endpoint.open({ host });
    const client = await Endpoint.open({ host: target });
    server.engine.expectHandshake(ID);
    client.engine.expectHandshake(ID);
    server.reply = () => {
      const sender = Buffer.from(server.rows[0]!.address!, 'hex');
      expect(formatAddress(sender)).toBe(formatAddress(client.address));
      server.engine.sendDatagram(sender, ANSWER);
      server.engine.flush();
    };
    client.engine.sendDatagram(encodeAddress(target, server.opened.boundAddress.port)!, ANSWER);
    client.engine.flush();
    await client.until(() => client.rows.length === 1);
    expect(client.rows[0]!.octets).toBe(hex(ANSWER));
  });

  it('passes errors of binding on as they are', async () => {
    const first = await Endpoint.open();
    const { address, port } = first.opened.boundAddress;
    await expect(Endpoint.open({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', address, port });
    await expect(Endpoint.open({ host: '192.0.2.77' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  it('says when there is room again, and sends all it took', async () => {
    const a = await Endpoint.open();
    const b = await Endpoint.open();
    const [own, peer] = sessionKeys(1);
    const from = a.engine.openSession(own);
    b.engine.openSession(peer);
    const path = a.engine.openPath(b.address);
    const chunk = new Uint8Array(100_000);
    let pn = 0;
    // A transmit buffer is 1 MiB by default.
    for (let taken = 1; taken > 0; pn += taken) {
      taken = a.engine.sealStreamRun(from, path, pn, 1, pn * 50_000, false, chunk, 0, 50_000, 50_000);
    }
    expect(pn).toBeGreaterThan(15);
    a.engine.flush();
    expect(a.writable).toBe(0);
    await a.until(() => a.writable === 1);
    const { datagramsSent, sendErrors } = a.engine.stats();
    expect(datagramsSent + sendErrors).toBe(pn);
  });

  it('counts what the operating system refuses, and goes on', async () => {
    const a = await Endpoint.open();
    const b = await Endpoint.open();
    b.engine.expectHandshake(ID);
    // 127.0.0.1 cannot reach the documentation network; port 0 is refused everywhere.
    a.engine.sendDatagram(encodeAddress('127.0.0.1', 0)!, ANSWER);
    a.engine.sendDatagram(encodeAddress('2001:db8::1', 9)!, ANSWER);
    a.engine.sendDatagram(b.address, ANSWER);
    a.engine.flush();
    await b.until(() => b.rows.length === 1);
    expect(a.errors).toEqual([]);
    expect(a.engine.stats()).toMatchObject({ sendErrors: 2, datagramsSent: 1 });
  });

  it('drops empty and foreign datagrams without a batch', async () => {
    const b = await Endpoint.open();
    b.engine.expectHandshake(ID);
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { address, port } = b.opened.boundAddress;
    for (const octets of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(65_507, 0x80), ANSWER]) {
      stranger.send(octets, port, address);
    }
    await b.until(() => b.rows.length === 1);
    expect(b.engine.stats().datagramsReceived).toBe(4);
    stranger.close();
  });

  it('closes with traffic in flight: what was flushed is sent, nothing is called back', async () => {
    const a = await Endpoint.open();
    const b = await Endpoint.open();
    b.engine.expectHandshake(ID);
    a.engine.expectHandshake(ID);
    for (let i = 0; i < 10; i++) {
      a.engine.sendDatagram(b.address, ANSWER);
      b.engine.sendDatagram(a.address, ANSWER);
    }
    a.engine.flush();
    b.engine.flush();
    const closing = a.engine.close();
    expect(a.engine.close()).toBe(closing);
    await closing;
    await b.until(() => b.rows.length === 10);
    expect(a.rows).toEqual([]);
    a.engine.sendDatagram(b.address, ANSWER);
    a.engine.flush();
  });

  it('can be closed from inside a batch', async () => {
    const a = await Endpoint.open();
    const b = await Endpoint.open();
    b.engine.expectHandshake(ID);
    let closed: Promise<void> | undefined;
    b.reply = () => {
      closed = b.engine.close();
    };
    for (let i = 0; i < 50; i++) a.engine.sendDatagram(b.address, ANSWER);
    a.engine.flush();
    await b.until(() => b.batches === 1);
    await closed;
    expect(b.batches).toBe(1);
  });
});
