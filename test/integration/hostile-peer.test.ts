import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CloseCode, ControlType, PacketFrame } from '../../lib/constants.js';
import type { STTError, STTNode, STTNodeOptions, STTSession, STTSessionError, STTStream } from '../../lib/index.js';
import type { TransportParams } from '../../lib/wire/handshake-messages.js';
import { HostileClient } from '../support/hostile-client.js';
import { BACKEND, readAll, startNode } from '../support/nodes.js';

/*
 * What an authenticated peer may do to a node on a real socket. Beside the hostile session every node here has one with
 * a peer of good faith; whatever happens to the one, the other goes on.
 */

interface Scene extends AsyncDisposable {
  readonly node: STTNode;
  readonly hostile: HostileClient;
  /** Streams that the hostile peer opened. */
  readonly streams: STTStream[];
  /** How the node's side of the hostile session ended. */
  readonly ended: Promise<STTSessionError>;
  /** The bystander's session echoes. */
  expectUnharmed(): Promise<void>;
}

async function scene(options: Partial<STTNodeOptions> = {}, params: Partial<TransportParams> = {}): Promise<Scene> {
  const sharedSeed = randomBytes(32);
  const { node, port } = await startNode({ sharedSeed, closeTimeoutMs: 0, ...options });
  const { node: good } = await startNode({ sharedSeed });
  const accepted = once(node, 'session') as Promise<[STTSession]>;
  const bystander = await good.connectUdp('127.0.0.1', port);
  const [echoing] = await accepted;
  echoing.on('stream', (stream) => stream.pipe(stream));
  const hostile = await HostileClient.connect(node, sharedSeed, params);
  const streams: STTStream[] = [];
  hostile.session.on('stream', (stream) => streams.push(stream));
  const ended = new Promise<STTSessionError>((resolve) => {
    hostile.session.once('close', (error) => resolve(error as STTSessionError));
  });
  return {
    node,
    hostile,
    streams,
    ended,
    async expectUnharmed() {
      const stream = await bystander.openStream();
      const data = randomBytes(100_000);
      const back = readAll(stream);
      stream.end(data);
      expect(Buffer.compare(await back, data)).toBe(0);
    },
    async [Symbol.asyncDispose]() {
      bystander.destroy();
      hostile.session.destroy();
      await Promise.all([good.stop(), node.stop(), hostile[Symbol.asyncDispose]()]);
    },
  };
}

/** The session was ended by the node, with this code, and nothing else happened. */
async function expectClosed({ ended, expectUnharmed }: Scene, closeCode: number): Promise<void> {
  const { closeCode: code, remote } = await ended;
  expect({ code, remote }).toEqual({ code: closeCode, remote: false });
  await expectUnharmed();
}

function octetsHeld(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const varint = (value: number): number[] => {
  const out: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
  return [...out, value];
};
const control = (type: number, body: readonly number[] = []): Uint8Array =>
  Uint8Array.of(PacketFrame.CONTROL, type, ...body);

describe(`an authenticated peer that lies in its ACKs (${BACKEND})`, () => {
  it('is closed with PROTOCOL for a packet that was never sent', async () => {
    await using s = await scene();
    s.hostile.ack([[0, 1_000_000]]);
    await expectClosed(s, CloseCode.PROTOCOL);
  });

  it('is closed with PROTOCOL for a number that was skipped', async () => {
    // In packets of a found size, which loopback lets be large, the data would be over before a number is skipped.
    const unlimited = { initialMaxData: 2 ** 30, initialMaxStreamData: 2 ** 30 };
    await using s = await scene({ maxPacketSize: 1_400 }, unlimited);
    const stream = await s.hostile.session.openStream();
    stream.write(randomBytes(6_000_000));
    const seen = new Set<number>();
    const gaps = (): number[] => {
      for (const { pn } of s.hostile.received) seen.add(pn);
      // Packets that were lost on the way are among them: to acknowledge those is a lie, too, but no provable one.
      return Array.from({ length: Math.max(-1, ...seen) }, (_, pn) => pn).filter((pn) => !seen.has(pn));
    };
    // A number is skipped every 256 to 4,096 packets.
    while (s.hostile.session.state === 'open') {
      await s.hostile.settle();
      for (const pn of gaps()) s.hostile.ack([[pn, pn]]);
    }
    await expectClosed(s, CloseCode.PROTOCOL);
  });

  it('is closed with FRAME_ENCODING for more than 256 ranges', async () => {
    await using s = await scene();
    s.hostile.send(Uint8Array.of(PacketFrame.ACK, 0, ...varint(2_000), 0, ...varint(256), 0, ...new Uint8Array(512)));
    await expectClosed(s, CloseCode.FRAME_ENCODING);
  });

  it('is closed with FRAME_ENCODING for ranges below zero', async () => {
    for (const ranges of [
      [5, 0, 0, 6],
      [5, 0, 1, 2, 2, 0],
      [5, 0, 1, 0, 2, 2],
    ]) {
      await using s = await scene();
      s.hostile.send(Uint8Array.of(PacketFrame.ACK, 0, ...ranges));
      await expectClosed(s, CloseCode.FRAME_ENCODING);
    }
  });

  it('cannot make the round trip look shorter than the promised delay allows', async () => {
    await using s = await scene();
    s.hostile.acknowledges = false;
    await s.hostile.settle();
    const { pn } = s.hostile.received.at(-1)!;
    s.hostile.ack([[pn, pn]], Number.MAX_SAFE_INTEGER);
    await s.hostile.settle();
    const { rttMs, minRttMs } = s.hostile.session.getStats();
    expect(s.hostile.session.state).toBe('open');
    expect(rttMs).toBeGreaterThanOrEqual(minRttMs);
    expect(rttMs).toBeGreaterThan(0);
  });

  it('and never acknowledges anything gets no more than a window and its probes', async () => {
    await using s = await scene({}, { initialMaxData: 2 ** 30, initialMaxStreamData: 2 ** 30 });
    s.hostile.acknowledges = false;
    const stream = await s.hostile.session.openStream();
    stream.write(randomBytes(2_000_000));
    for (let i = 0; i < 5; i++) await s.hostile.settle();
    const { bytesInFlight, congestionWindow } = s.hostile.session.getStats();
    // Probes go whatever the window says, two at a time.
    expect(bytesInFlight).toBeLessThan(congestionWindow + 20 * 1_200);
    expect(congestionWindow).toBeLessThan(20_000);
    await s.expectUnharmed();
  });
});

describe(`an authenticated peer that bends packets (${BACKEND})`, () => {
  it('is closed with PROTOCOL for reserved bits', async () => {
    await using s = await scene();
    s.hostile.raw(s.hostile.seal(Uint8Array.of(0), s.hostile.pn++, 0x82));
    await expectClosed(s, CloseCode.PROTOCOL);
  });

  it('is closed with PROTOCOL for a packet without frames', async () => {
    await using s = await scene();
    s.hostile.send();
    await expectClosed(s, CloseCode.PROTOCOL);
  });

  it('gets every octet through once that it sends three times and backwards', async () => {
    await using s = await scene();
    const data = randomBytes(150_000);
    const packets: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += 1_000) {
      const piece = data.subarray(at, at + 1_000);
      const frame = Buffer.alloc(16);
      frame[0] = PacketFrame.STREAM;
      if (at + 1_000 >= data.length) frame[1] = 4;
      frame.writeUInt32BE(1, 2);
      frame.writeBigUInt64BE(BigInt(at), 6);
      frame.writeUInt16BE(piece.length, 14);
      packets.push(s.hostile.seal([frame, piece]));
    }
    for (const packet of packets.reverse()) s.hostile.raw(packet).raw(packet).raw(packet);
    await s.hostile.settle();
    expect(Buffer.compare(await readAll(s.streams[0]!), data)).toBe(0);
    expect(s.node.getStats().engine!.droppedReplays).toBeGreaterThanOrEqual(packets.length);
  });

  it('cannot replay a packet that the window has moved past', async () => {
    await using s = await scene();
    let messages = 0;
    s.hostile.session.on('message', () => messages++);
    const early = s.hostile.seal(Uint8Array.of(PacketFrame.DATA, 0, 1, 7));
    s.hostile.raw(early);
    await s.hostile.settle();
    s.hostile.pn += 20_000;
    await s.hostile.settle();
    const { droppedReplays } = s.node.getStats().engine!;
    s.hostile.raw(early);
    await s.hostile.settle();
    expect(messages).toBe(1);
    expect(s.node.getStats().engine!.droppedReplays).toBe(droppedReplays + 1);
  });

  it('gets nobody to throw by any octets', async () => {
    for (let round = 0; round < 8; round++) {
      await using s = await scene();
      for (let i = 0; i < 50; i++) {
        const octets = randomBytes(1 + ((7 * i) % 90));
        octets[0] = [1, 2, 3, 6, 0x80][i % 5]!;
        s.hostile.send(octets);
      }
      await s.hostile.settle();
      await s.expectUnharmed();
    }
  });

  it('that floods from ever new ports with path probes gets no more back than it sent, and holds its session only', async () => {
    await using s = await scene();
    let sent = 0;
    const answers: { octets: number }[] = [];
    for (let i = 0; i < 100; i++) {
      const challenge = control(ControlType.PATH_CHALLENGE, [1, 2, 3, 4, 5, 6, 7, i]);
      sent += 29 + challenge.length;
      answers.push(await s.hostile.sendFromNewPort(challenge));
    }
    await s.hostile.settle();
    const back = answers.reduce((sum, { octets }) => sum + octets, 0);
    expect(back).toBeLessThanOrEqual(3 * sent);
    expect(s.hostile.session.state).toBe('open');
    expect(s.node.getStats().sessions).toBe(2);
    await s.expectUnharmed();
  });
});

describe(`an authenticated peer that abuses streams (${BACKEND})`, () => {
  it('is closed with STREAM_LIMIT beyond the limit, however far', async () => {
    for (const id of [7, 0xffff_fffd]) {
      await using s = await scene({ maxStreams: 3 });
      s.hostile.stream(id, 0, 1);
      await expectClosed(s, CloseCode.STREAM_LIMIT);
      expect(s.streams.length).toBe(0);
    }
  });

  it('is closed with STREAM for one that only this side may open', async () => {
    await using s = await scene();
    s.hostile.stream(2, 0, 1);
    await expectClosed(s, CloseCode.STREAM);
  });

  it('costs one stream if it opens the highest one it may', async () => {
    await using s = await scene({ maxStreams: 1_000_000 });
    const before = octetsHeld();
    s.hostile.stream(1_999_999, 0, 1);
    await s.hostile.settle();
    expect(s.hostile.session.getStats().streamsOpen).toBe(1);
    expect(octetsHeld() - before).toBeLessThan(5_000_000);
  });

  it('that opens and resets without end is slowed down to the rate allowed', { timeout: 120_000 }, async () => {
    await using s = await scene({ maxStreams: 100 });
    const begin = performance.now();
    let opened = 0;
    let limit = 100;
    for (let round = 0; round < 60 && opened < 3_000; round++) {
      for (; opened < limit; opened++) s.hostile.stream(2 * opened + 1, 0, 1).reset(2 * opened + 1, 1, 1);
      await s.hostile.settle();
      for (const { frame } of s.hostile.received.splice(0)) {
        if (frame[0] === 'STREAM_LIMIT') limit = Math.max(limit, frame[1] as number);
      }
    }
    // A burst of 1,000, then 200 a second.
    expect(opened).toBeLessThanOrEqual(1_100 + 0.2 * (performance.now() - begin) + 1);
    expect(opened).toBeGreaterThanOrEqual(1_000);
    expect(s.hostile.session.getStats().streamsOpen).toBeLessThanOrEqual(100);
    expect(s.hostile.session.state).toBe('open');
    await s.expectUnharmed();
  });

  it('that sends one octet per gap is closed, and never holds more than its window', async () => {
    await using s = await scene({ streamWindow: 1_048_576, sessionWindow: 1_048_576 });
    const before = octetsHeld();
    for (let i = 0; i < 17_000 && s.hostile.session.state === 'open'; i++) {
      s.hostile.stream(1, 1 + 2 * i, 1);
      if (i % 500 === 499) await s.hostile.settle();
      expect(s.hostile.session.getStats().reassemblyOctets).toBeLessThanOrEqual(20_000);
    }
    expect(octetsHeld() - before).toBeLessThan(40_000_000);
    await expectClosed(s, CloseCode.FLOW_CONTROL);
  });

  it('leaves as many gaps as this side allows, and is closed with FLOW_CONTROL for one more', async () => {
    await using s = await scene({ maxReassemblyGaps: 20 });
    for (let i = 0; i < 20; i++) s.hostile.stream(1 + 2 * (i & 1), 1 + 2 * i, 1);
    await s.hostile.settle();
    expect(s.hostile.session.state).toBe('open');
    s.hostile.stream(1, 101, 1);
    await expectClosed(s, CloseCode.FLOW_CONTROL);
  });

  it('is closed with FLOW_CONTROL one octet beyond the credit of the session', async () => {
    await using s = await scene({ sessionWindow: 10_000, maxSessionWindow: 10_000 });
    s.hostile.stream(1, 0, 1_000).stream(3, 8_999, 1);
    await s.hostile.settle();
    expect(s.hostile.session.state).toBe('open');
    s.hostile.stream(5, 0, 1);
    await expectClosed(s, CloseCode.FLOW_CONTROL);
  });

  it('is closed with FLOW_CONTROL one octet beyond the credit', async () => {
    await using s = await scene({ streamWindow: 10_000 });
    s.hostile.stream(1, 9_999, 1);
    await s.hostile.settle();
    expect(s.hostile.session.state).toBe('open');
    s.hostile.stream(1, 10_000, 1);
    await expectClosed(s, CloseCode.FLOW_CONTROL);
  });

  it('is closed with FINAL_SIZE if it moves the end', async () => {
    await using s = await scene();
    s.hostile.stream(1, 10, 0, true).stream(1, 11, 0, true);
    await expectClosed(s, CloseCode.FINAL_SIZE);
  });

  it('gets no credit while the application does not read, and other streams go on', async () => {
    await using s = await scene({ streamWindow: 50_000, sessionWindow: 200_000, maxStreamWindow: 50_000 });
    for (let at = 0; at < 50_000; at += 1_000) s.hostile.stream(1, at, 1_000);
    await s.hostile.settle();
    expect(s.hostile.received.some(({ frame }) => frame[0] === 'FLOW_CREDIT' && frame[1] === 1)).toBe(false);
    s.hostile.stream(3, 0, Buffer.from('and this?'), true);
    await s.hostile.settle();
    expect((await readAll(s.streams[1]!)).toString()).toBe('and this?');
    s.hostile.stream(1, 50_000, 1);
    await expectClosed(s, CloseCode.FLOW_CONTROL);
  });

  it('that grants credit octet by octet gets full packets, once anything is on its way', async () => {
    await using s = await scene({}, { initialMaxStreamData: 0 });
    s.hostile.acknowledges = false;
    const stream = await s.hostile.session.openStream();
    stream.write(randomBytes(100_000));
    for (let i = 1; i <= 3_000; i++) {
      s.hostile.credit(2, i);
      if (i % 300 === 0) await s.hostile.settle();
    }
    // The first octet, two full packets, and probes that send the first again.
    const fresh = new Set(s.hostile.received.filter(({ frame }) => frame[0] === 'STREAM').map(({ frame }) => frame[2]));
    expect(fresh.size).toBeLessThanOrEqual(6);
    await s.expectUnharmed();
  });

  it('cannot make an application that ignores write() === false fill the memory', async () => {
    await using s = await scene({}, { initialMaxData: 0 });
    const stream = await s.hostile.session.openStream();
    const failed = once(stream, 'error') as Promise<[STTError]>;
    const piece = new Uint8Array(1_048_576);
    let written = 0;
    for (; !stream.destroyed && written < 200; written++) stream.write(piece);
    expect(written).toBeLessThan(80);
    expect((await failed)[0].code).toBe('ERR_STT_STREAM_BUFFER_FULL');
    expect(s.hostile.session.state).toBe('open');
    await s.expectUnharmed();
  });
});

describe(`an authenticated peer that floods with frames that want answers (${BACKEND})`, () => {
  it('and acknowledges none of them makes no queue grow', async () => {
    await using s = await scene();
    await s.hostile.settle();
    s.hostile.acknowledges = false;
    const before = octetsHeld();
    const flood = [
      control(ControlType.PATH_CHALLENGE, [1, 2, 3, 4, 5, 6, 7, 8]),
      control(ControlType.PING, [1, 2, 3, 4, 5, 6, 7, 8]),
      control(ControlType.FLOW_CREDIT, [0, ...varint(5_000_000)]),
      control(ControlType.STREAM_LIMIT, varint(200)),
      control(ControlType.ACK_FREQUENCY, [...varint(3), 1, ...varint(1_000)]),
      control(ControlType.IMMEDIATE_ACK),
      control(
        ControlType.RESET_TOKEN,
        Array.from({ length: 16 }, () => 9),
      ),
    ];
    for (let i = 0; i < 6_000; i++) {
      s.hostile.send(...flood, ...flood, ...flood);
      if (i % 300 === 299) await new Promise((resolve) => setImmediate(resolve));
    }
    s.hostile.acknowledges = true;
    await s.hostile.settle();
    expect(octetsHeld() - before).toBeLessThan(60_000_000);
    expect(s.hostile.session.state).toBe('open');
    expect(s.hostile.session.getStats().packetsSent).toBeLessThan(20_000);
    await s.expectUnharmed();
  });

  it('finds the newest messages kept of those that the application does not read, and a bound', async () => {
    await using s = await scene({ receiveQueue: 16 });
    const messages = s.node.receive();
    for (let i = 0; i < 500; i++) {
      s.hostile.send(Uint8Array.of(PacketFrame.DATA, 0, 2, i >> 8, i & 0xff));
      if (i % 100 === 99) await s.hostile.settle();
    }
    expect(s.node.getStats().messagesQueued).toBeLessThanOrEqual(16);
    expect(s.node.getStats().messagesDropped).toBe(484);
    const { value } = (await messages.next()) as { value: { data: Uint8Array } };
    expect(Buffer.from(value.data).readUInt16BE()).toBe(484);
  });

  it('gets SESSION_CLOSE again at every 2^n-th packet only, and then silence', async () => {
    await using s = await scene();
    await s.hostile.settle();
    s.hostile.received.length = 0;
    s.hostile.session.destroy();
    await s.ended;
    for (let i = 0; i < 200; i++) s.hostile.ping(i);
    // The bystander's answer comes after those to the pings.
    await s.expectUnharmed();
    expect(s.hostile.count('SESSION_CLOSE')).toBeLessThanOrEqual(10);
    expect(s.hostile.count('PONG')).toBe(0);
  });
});
