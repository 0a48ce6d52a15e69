import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { Marks, NONE, RowFlag, RowType } from '../../lib/ports/packet-engine.js';
import { encodeAddress, formatAddress } from '../../lib/wire/address.js';
import { handshakeFrame, hex, sessionKeys } from '../support/engine-harness.js';
import { closeEndpoints, named, NativeEndpoint, skipReason } from '../support/native-endpoint.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const ANSWER = handshakeFrame(ID, Uint8Array.of(2, 9, 9));

/** A session between two endpoints. */
function connect(a: NativeEndpoint, b: NativeEndpoint): { from: number; path: number; to: number; back: number } {
  const [own, peer] = sessionKeys(1);
  return {
    from: a.engine.openSession(own),
    path: a.engine.openPath(b.address),
    to: b.engine.openSession(peer),
    back: b.engine.openPath(a.address),
  };
}

const octets = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 251);
const streamOctets = (endpoint: NativeEndpoint): string =>
  endpoint.rows
    .filter((row) => row.type === RowType.STREAM)
    .sort((a, b) => a.offset - b.offset)
    .map((row) => row.octets)
    .join('');

afterEach(closeEndpoints);

describe.skipIf(skipReason !== undefined)(named('native UDP socket'), () => {
  it.each([
    ['with what the system offers', {}],
    ['without offload', { forceNoOffload: true }],
    ['where segmentation offload is refused when it is used', { test: { refuseGso: true } }],
    ['where the send buffer is full again and again', { test: { blockEvery: 2 } }],
  ])('carries a stream %s', async (_name, options) => {
    const a = NativeEndpoint.open(options);
    const b = NativeEndpoint.open(options);
    const { from, path, to, back } = connect(a, b);
    const chunk = octets(150_000);
    const count = Math.ceil(chunk.length / 1_355);
    expect(a.engine.sealStreamRun(from, path, 0, 1, 0, true, chunk, 0, chunk.length, 1_355)).toBe(count);
    a.engine.flush();
    await b.until(() => b.packets === count);
    expect(streamOctets(b) === hex(chunk)).toBe(true);
    expect(b.rows[0]).toMatchObject({ type: RowType.STREAM, slot: to, path: back, marks: 0 });
    expect(b.rows.at(-1)!.flags).toBe(RowFlag.END);
    expect(b.engine.stats()).toMatchObject({ datagramsReceived: count, packetsOpened: count });
    expect(a.engine.stats()).toMatchObject({ datagramsSent: count, sendErrors: 0 });
  });

  it('sends trains again as single datagrams when they are refused, and says so', async () => {
    const a = NativeEndpoint.open({ test: { refuseGso: true } });
    const b = NativeEndpoint.open();
    const hadOffload = NativeEndpoint.open().engine.stats().gso;
    expect(a.engine.stats().gso).toBe(hadOffload);
    const { from, path } = connect(a, b);
    const chunk = octets(40_000);
    a.engine.sealStreamRun(from, path, 0, 1, 0, false, chunk, 0, chunk.length, 1_000);
    a.engine.flush();
    await b.until(() => b.packets === 40);
    expect(a.engine.stats()).toMatchObject({ gso: false, datagramsSent: 40, sendErrors: 0 });
    a.engine.sealStreamRun(from, path, 40, 1, 40_000, false, chunk, 0, chunk.length, 1_000);
    a.engine.flush();
    await b.until(() => b.packets === 80);
    expect(streamOctets(b) === hex(chunk) + hex(chunk)).toBe(true);
  });

  it.each([
    ['IPv4', '127.0.0.1', '127.0.0.1'],
    ['IPv6', '::1', '::1'],
    ['IPv4 from a socket of both', '::', '127.0.0.1'],
  ])('marks packets of a path for ECN over %s, in trains and alone', async (_, from, to) => {
    const a = NativeEndpoint.open({ host: from });
    const b = NativeEndpoint.open({ host: to });
    expect(a.engine).toMatchObject({ canMark: true });
    const [own, peer] = sessionKeys(1);
    const slot = a.engine.openSession(own);
    b.engine.openSession(peer);
    const path = a.engine.openPath(b.address);
    const chunk = octets(20_000);
    a.engine.sealStreamRun(slot, path, 0, 1, 0, false, chunk, 0, 10_000, 1_000);
    a.engine.markPath(slot, path);
    a.engine.sealStreamRun(slot, path, 10, 1, 10_000, false, chunk, 10_000, 20_000, 1_000);
    a.engine.sealFrames(slot, path, 20, chunk, 0, 5);
    a.engine.markPath(slot, NONE);
    a.engine.sealFrames(slot, path, 21, chunk, 0, 5);
    a.engine.flush();
    await b.until(() => b.packets === 22);
    const marks = new Array<number>(22);
    for (const row of b.rows) marks.fill(row.marks & Marks.ECN_MASK, row.pn, row.pn + row.count);
    expect(marks).toEqual([...new Array<number>(10).fill(0), ...new Array<number>(11).fill(2), 0]);
    expect(streamOctets(b) === hex(chunk)).toBe(true);
    expect(a.engine.stats()).toMatchObject({ ecn: true, datagramsSent: 22, sendErrors: 0 });
  });

  it('sends without marks when the system refuses them, and says so', async () => {
    const a = NativeEndpoint.open({ test: { refuseMarks: true } });
    const b = NativeEndpoint.open();
    const { gso } = a.engine.stats();
    const { from, path } = connect(a, b);
    const chunk = octets(40_000);
    a.engine.markPath(from, path);
    a.engine.sealStreamRun(from, path, 0, 1, 0, false, chunk, 0, chunk.length, 1_000);
    a.engine.sealFrames(from, path, 40, chunk, 0, 5);
    a.engine.flush();
    await b.until(() => b.packets === 41);
    expect(b.rows.every(({ marks }) => marks === 0)).toBe(true);
    expect(streamOctets(b) === hex(chunk)).toBe(true);
    // It was not the offload that was refused.
    expect(a.engine.stats()).toMatchObject({ ecn: false, gso, datagramsSent: 41, sendErrors: 0 });
  });

  it('tells which size is too large for the interface, and loses nothing else', async () => {
    // Its MTU of 65,536 octets has no room for the headers of IPv6 and UDP before the largest datagram.
    const a = NativeEndpoint.open({ host: '::1' });
    const b = NativeEndpoint.open({ host: '::1' });
    expect(a.engine.dontFragment).toBe(true);
    const { gso } = a.engine.stats();
    const { from, path } = connect(a, b);
    const chunk = octets(65_462);
    a.engine.sealStreamRun(from, path, 0, 1, 0, false, chunk, 0, 65_462, 65_462);
    a.engine.sealStreamRun(from, path, 1, 1, 65_462, false, chunk, 0, 5_000, 1_000);
    a.engine.sealStreamRun(from, path, 6, 1, 70_462, false, chunk, 0, 65_443, 65_443);
    a.engine.flush();
    expect(a.refused).toEqual([[path, 65_507]]);
    await b.until(() => b.packets === 6);
    expect(streamOctets(b)).toBe(hex(chunk.subarray(0, 5_000)) + hex(chunk.subarray(0, 65_443)));
    expect(a.engine.stats()).toMatchObject({ datagramsSent: 6, sendErrors: 1, gso });
    a.engine.flush();
    expect(a.refused).toHaveLength(1);
  });

  it('keeps offload on when it was the address that was refused', async () => {
    const a = NativeEndpoint.open();
    const { gso } = a.engine.stats();
    const b = NativeEndpoint.open();
    const { from, path } = connect(a, b);
    const chunk = octets(3_000);
    // Refused whatever the size, and with the errors of a refused train on some systems.
    const nowhere = a.engine.openPath(encodeAddress('0.0.0.1', 9)!);
    a.engine.sealStreamRun(from, nowhere, 0, 1, 0, false, chunk, 0, 3_000, 1_000);
    a.engine.sealStreamRun(from, path, 3, 1, 3_000, false, chunk, 0, 3_000, 1_000);
    a.engine.flush();
    await b.until(() => b.packets === 3);
    expect(a.engine.stats()).toMatchObject({ gso, datagramsSent: 3, sendErrors: 3 });
  });

  it('coalesces what arrives together into few rows and batches', async () => {
    const a = NativeEndpoint.open();
    const b = NativeEndpoint.open();
    const { from, path } = connect(a, b);
    const chunk = octets(200_000);
    a.engine.sealStreamRun(from, path, 0, 1, 0, false, chunk, 0, chunk.length, 1_000);
    a.engine.flush();
    await b.until(() => b.packets === 200);
    // Everything lies in the socket's buffer before the loop turns: eight trains of 64 KiB a batch.
    if (a.engine.stats().gso && b.engine.stats().gro) {
      expect(b.batches).toBe(1);
      expect(b.rows).toHaveLength(1);
    } else {
      expect(b.batches).toBeLessThanOrEqual(25);
    }
  });

  it.each([
    ['127.0.0.1', true, '127.0.0.1', '127.0.0.1'],
    ['::1', true, '::1', '::1'],
    ['::', true, '::1', '::1'],
    ['::', true, '127.0.0.1', '127.0.0.1'],
    ['::', true, '::ffff:127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', true, '127.0.0.1', '127.0.0.1'],
    ['::', false, '::1', '::1'],
  ])('bound to %s (dual stack %s) answers %s from where it was reached', async (host, dualStack, target, own) => {
    const server = NativeEndpoint.open({ host, dualStack });
    const client = NativeEndpoint.open({ host: target });
    expect(client.engine.boundAddress).toMatchObject({ address: own, family: own.includes(':') ? 'IPv6' : 'IPv4' });
    server.engine.expectHandshake(ID);
    client.engine.expectHandshake(ID);
    server.inBatch = () => {
      const sender = Buffer.from(server.rows[0]!.address!, 'hex');
      expect(formatAddress(sender)).toBe(formatAddress(client.address));
      server.engine.sendDatagram(sender, ANSWER);
      server.engine.flush();
    };
    client.engine.sendDatagram(encodeAddress(target, server.engine.boundAddress.port)!, ANSWER);
    client.engine.flush();
    await client.until(() => client.rows.length === 1);
    expect(client.rows[0]!.octets).toBe(hex(ANSWER));
  });

  it('leaves IPv4 to others when it is not dual stack', () => {
    const six = NativeEndpoint.open({ host: '::', dualStack: false });
    const { port } = six.engine.boundAddress;
    const four = NativeEndpoint.open({ host: '0.0.0.0', port });
    expect(four.engine.boundAddress).toEqual({ address: '0.0.0.0', port, family: 'IPv4' });
  });

  it('takes its address as octets, too', () => {
    const first = NativeEndpoint.open({ host: encodeAddress('127.0.0.1', 0)! });
    const { address, port } = first.engine.boundAddress;
    expect(address).toBe('127.0.0.1');
    expect(() => NativeEndpoint.open({ host: encodeAddress('127.0.0.1', port)! })).toThrow('EADDRINUSE');
    expect(() => NativeEndpoint.open({ host: encodeAddress('127.0.0.1', 1)!, port })).toThrow('EADDRINUSE');
  });

  it('passes errors of the system on as Node has them', () => {
    const { address, port } = NativeEndpoint.open().engine.boundAddress;
    const failure = (options: Parameters<typeof NativeEndpoint.open>[0]): unknown => {
      try {
        NativeEndpoint.open(options);
      } catch (error) {
        return error;
      }
      return undefined;
    };
    const inUse = failure({ port });
    expect(inUse).toBeInstanceOf(Error);
    expect(inUse).toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
      address,
      port,
      message: `bind EADDRINUSE ${address}:${port}`,
    });
    expect((inUse as NodeJS.ErrnoException).errno).toBeLessThan(0);
    expect(failure({ host: '192.0.2.77' })).toMatchObject({ code: 'EADDRNOTAVAIL', address: '192.0.2.77', port: 0 });
    expect(failure({ host: 'localhost' })).toMatchObject({ code: 'ERR_STT_ADDRESS' });
    expect(failure({ host: '127.0.0.1', port: 65_536 })).toMatchObject({ code: 'ERR_STT_ADDRESS' });
    expect(failure({ host: new Uint8Array(4) })).toMatchObject({ code: 'ERR_STT_ADDRESS' });
  });

  it('counts what the system refuses, and goes on', async () => {
    const a = NativeEndpoint.open();
    const b = NativeEndpoint.open();
    b.engine.expectHandshake(ID);
    a.engine.sendDatagram(encodeAddress('127.0.0.1', 0)!, ANSWER);
    // An IPv4 socket cannot reach it.
    a.engine.sendDatagram(encodeAddress('2001:db8::1', 9)!, ANSWER);
    a.engine.sendDatagram(b.address, ANSWER);
    a.engine.flush();
    await b.until(() => b.rows.length === 1);
    expect(a.errors).toEqual([]);
    expect(a.engine.stats()).toMatchObject({ sendErrors: 2, datagramsSent: 1, octetsSent: ANSWER.length });
  });

  it('goes on after reports that nobody listens', async () => {
    const a = NativeEndpoint.open();
    const b = NativeEndpoint.open();
    const gone = NativeEndpoint.open();
    const { address } = gone;
    await gone.engine.close();
    b.engine.expectHandshake(ID);
    for (let i = 0; i < 5; i++) {
      a.engine.sendDatagram(address, ANSWER);
      a.engine.flush();
    }
    a.engine.sendDatagram(b.address, ANSWER);
    a.engine.flush();
    await b.until(() => b.rows.length === 1);
    expect(a.errors).toEqual([]);
  });

  it('refuses what its buffer cannot hold while the system takes nothing, then says that there is room and sends all', async () => {
    const a = NativeEndpoint.open({ test: { blockEvery: 2, transmitOctets: 65_507 } });
    const b = NativeEndpoint.open();
    const { from, path } = connect(a, b);
    const chunk = octets(400_000);
    const count = 400;
    let pn = 0;
    const seal = (): void => {
      pn += a.engine.sealStreamRun(from, path, pn, 1, pn * 1_000, false, chunk, pn * 1_000, chunk.length, 1_000);
      a.engine.flush();
    };
    seal();
    expect(pn).toBeGreaterThan(0);
    expect(pn).toBeLessThan(count);
    expect(a.engine.sendDatagram(b.address, octets(60_000))).toBe(false);
    a.inWritable = seal;
    await b.until(() => b.packets === count);
    expect(streamOctets(b) === hex(chunk)).toBe(true);
    expect(a.writable).toBeGreaterThan(0);
    expect(a.engine.stats().sendBlocked).toBeGreaterThan(0);
    expect(a.engine.stats()).toMatchObject({ sendErrors: 0, datagramsSent: count });
  });

  it('drops empty and foreign datagrams without a batch', async () => {
    const b = NativeEndpoint.open();
    b.engine.expectHandshake(ID);
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { address, port } = b.engine.boundAddress;
    for (const datagram of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(65_507, 0x80), ANSWER]) {
      stranger.send(datagram, port, address);
    }
    await b.until(() => b.rows.length === 1);
    expect(b.engine.stats()).toMatchObject({
      datagramsReceived: 4,
      droppedMalformed: 2,
      droppedUnknownSession: 1,
      handshakesReceived: 1,
    });
    stranger.close();
  });

  it('asks for large socket buffers and tells what it got', () => {
    const large = NativeEndpoint.open().engine.stats();
    const small = NativeEndpoint.open({ receiveBufferOctets: 0, sendBufferOctets: 0 }).engine.stats();
    expect(small.receiveBufferOctets).toBeGreaterThan(0);
    expect(large.receiveBufferOctets).toBeGreaterThanOrEqual(small.receiveBufferOctets);
    expect(large.sendBufferOctets).toBeGreaterThanOrEqual(small.sendBufferOctets);
  });

  it('says when offload is not used', () => {
    expect(NativeEndpoint.open({ forceNoOffload: true }).engine.stats()).toMatchObject({ gso: false, gro: false });
  });
});
