import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, expect, describe, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import * as browser from '../../lib/browser.js';
import {
  STTFrame,
  UDPTransport,
  WebSocketTransport,
  type STTError,
  type WebSocketTransportListener,
  type WebSocketTransportListenOptions,
} from '../../lib/index.js';
import { describeVectors } from '../support/vectors.js';

interface FrameVector {
  readonly frame_type: number;
  readonly session_id: string;
  readonly sequence: string;
  readonly stream_id: number;
  readonly hex: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});
// The browser's own is not here; this one has the same interface.
beforeAll(() => {
  (globalThis as { WebSocket?: unknown }).WebSocket = WebSocket;
});

/** A frame of so many octets of payload. */
function frameOf(octets: number, sequence = 0): STTFrame {
  return new STTFrame({
    frameType: 1,
    sessionId: new Uint8Array(8),
    streamId: 1,
    sequence,
    payload: new Uint8Array(octets),
  });
}

/** What comes, and a promise of the n-th. */
class Inbox {
  readonly frames: STTFrame[] = [];
  #wake: (() => void) | undefined;

  readonly take = (frame: STTFrame): void => {
    this.frames.push(frame);
    this.#wake?.();
  };

  async upTo(count: number): Promise<STTFrame[]> {
    while (this.frames.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.frames;
  }
}

async function listen(
  options: Partial<WebSocketTransportListenOptions> = {},
): Promise<{ listener: WebSocketTransportListener; url: string }> {
  const own = options.server === undefined ? { host: '127.0.0.1', port: 0 } : {};
  const listener = await WebSocketTransport.listen({ ...own, onFrameReceived: () => {}, ...options });
  open.push(() => listener.close());
  return { listener, url: `ws://127.0.0.1:${listener.port}/` };
}

async function udp(inbox = new Inbox()): Promise<{ transport: UDPTransport; port: number; inbox: Inbox }> {
  const transport = new UDPTransport({ host: '127.0.0.1', onFrameReceived: inbox.take });
  const { port } = await transport.start();
  open.push(() => transport.stop());
  return { transport, port, inbox };
}

const rejection = (promise: Promise<unknown>): Promise<STTError> =>
  promise.then(
    () => expect.unreachable(),
    (error: STTError) => error,
  );

describeVectors<{ frames: FrameVector[] }>('frames of another implementation', 'stt_python_0_2_0a0.json', (data) => {
  const sent = data.frames.map((vector) => STTFrame.fromBytes(Buffer.from(vector.hex, 'hex')));
  const expected = data.frames.map((vector) => vector.hex);

  it('go over UDP and come out octet for octet', async () => {
    const { port, inbox } = await udp();
    const { transport } = await udp();
    // One after the other: UDP has no back-pressure.
    for (const [i, frame] of sent.entries()) {
      await transport.sendFrame(frame, { address: '127.0.0.1', port });
      await inbox.upTo(i + 1);
    }
    expect(inbox.frames.map((frame) => hex(frame.toBytes()))).toEqual(expected);
    expect(transport.getStats()).toMatchObject({ framesSent: sent.length, queuedOctets: 0 });
  });

  it('are understood as datagrams and messages of any program', async () => {
    const { port, inbox } = await udp();
    const socket = createSocket('udp4');
    open.push(() => socket.close());
    const messages = new Inbox();
    const { url } = await listen({ onFrameReceived: messages.take });
    const client = new WebSocket(url, 'stt.v1');
    await once(client, 'open');
    for (const [i, vector] of data.frames.entries()) {
      socket.send(Buffer.from(vector.hex, 'hex'), port, '127.0.0.1');
      await inbox.upTo(i + 1);
      client.send(Buffer.from(vector.hex, 'hex'));
    }
    await messages.upTo(sent.length);
    for (const { frames } of [inbox, messages]) {
      expect(
        frames.map((frame) => [frame.frameType, hex(frame.sessionId), `${frame.sequence}`, frame.streamId]),
      ).toEqual(data.frames.map((v) => [v.frame_type, v.session_id, v.sequence, v.stream_id]));
    }
  });

  it.each([
    ['Node', WebSocketTransport],
    ['browsers', browser.WebSocketTransport as unknown as typeof WebSocketTransport],
  ])('go over the WebSocket of %s, both ways', async (_name, Transport) => {
    const { listener } = await listen({
      onFrameReceived: (frame, transport) => void transport.sendFrame(frame),
    });
    const inbox = new Inbox();
    const transport = await Transport.connect('127.0.0.1', listener.port!, { onFrameReceived: inbox.take });
    for (const frame of sent) expect(await transport.sendFrame(frame)).toBe(true);
    await inbox.upTo(sent.length);
    expect(inbox.frames.map((frame) => hex(frame.toBytes()))).toEqual(expected);
    await transport.close();
    expect(transport.getStats()).toMatchObject({ framesSent: sent.length, framesReceived: sent.length, malformed: 0 });
    expect((await rejection(transport.sendFrame(sent[0]!))).code).toBe('ERR_STT_TRANSPORT_CLOSED');
  });
});

describe('UDPTransport', () => {
  it('says where a frame came from, so that it can be answered', async () => {
    const pong = new Inbox();
    const server = new UDPTransport({
      onFrameReceived: (frame, remote) => void server.sendFrame(frame, remote),
    });
    const { port } = await server.start();
    open.push(() => server.stop());
    const { transport } = await udp(pong);
    await transport.sendFrame(frameOf(1000, 7), { address: '127.0.0.1', port });
    expect((await pong.upTo(1))[0]!.sequence).toBe(7n);
  });

  it('drops and counts what is no frame', async () => {
    const { transport, port, inbox } = await udp();
    const socket = createSocket('udp4');
    open.push(() => socket.close());
    const good = frameOf(3).toBytes();
    const bad = [Buffer.alloc(0), Buffer.from('ST'), Buffer.alloc(1200, 0xff), Buffer.concat([good, good])];
    for (const datagram of [...bad, good]) socket.send(datagram, port, '127.0.0.1');
    await inbox.upTo(1);
    expect(transport.getStats()).toMatchObject({ framesReceived: 1, malformed: bad.length });
  });

  it('refuses what UDP cannot carry and where it cannot go', async () => {
    const { transport, port } = await udp();
    const here = { address: '127.0.0.1', port };
    expect((await rejection(transport.sendFrame(frameOf(65_507), here))).code).toBe('ERR_STT_FRAME_TOO_LARGE');
    for (const address of ['example.com', '::1', '']) {
      expect((await rejection(transport.sendFrame(frameOf(1), { address, port }))).code).toBe('ERR_STT_ADDRESS');
    }
    const full = Array.from({ length: 100 }, () =>
      transport.sendFrame(frameOf(65_000), here).catch((e: STTError) => e),
    );
    const codes = (await Promise.all(full)).map((error) => error?.code);
    expect(codes).toContain('ERR_STT_TRANSPORT_FULL');
    expect(codes).toContain(undefined);
    const stopped = new UDPTransport({ onFrameReceived: () => {} });
    expect((await rejection(stopped.sendFrame(frameOf(1), here))).code).toBe('ERR_STT_TRANSPORT_CLOSED');
    expect(() => new UDPTransport({ onFramReceived: () => {} } as never)).toThrow(/`onFrameReceived`/);
  });

  it('passes on the error of the system when its port is taken', async () => {
    const { port } = await udp();
    const second = new UDPTransport({ host: '127.0.0.1', port, onFrameReceived: () => {} });
    expect(((await rejection(second.start())) as unknown as NodeJS.ErrnoException).code).toBe('EADDRINUSE');
    await second.stop();
  });

  it('sends what waits before it stops, and stops once', async () => {
    const { port, inbox } = await udp();
    const { transport } = await udp();
    const sent = transport.sendFrame(frameOf(10), { address: '127.0.0.1', port });
    await Promise.all([sent, transport.stop(), transport.stop()]);
    await inbox.upTo(1);
    expect((await rejection(transport.start())).code).toBe('ERR_STT_TRANSPORT_CLOSED');
  });
});

describe('WebSocketTransport', () => {
  it('loses no frame that a listener sends at once', async () => {
    const { url } = await listen({ onConnection: (transport) => void transport.sendFrame(frameOf(5, 42)) });
    const inbox = new Inbox();
    const transport = await WebSocketTransport.connect(url, { onFrameReceived: inbox.take });
    expect((await inbox.upTo(1))[0]!.sequence).toBe(42n);
    await transport.close();
  });

  it('carries frames of 2 MiB in order; a peer that does not read makes the sender wait, in bounded memory', async () => {
    const inbox = new Inbox();
    let peer!: WebSocket;
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'stt.v1' });
    open.push(() => server.close());
    await once(server, 'listening');
    server.on('connection', (socket) => {
      peer = socket;
      socket.pause();
      socket.on('message', (data) => inbox.take(STTFrame.fromBytes(data as Buffer)));
    });
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const transport = await WebSocketTransport.connect(url, { onFrameReceived: () => {} });
    let settled = 0;
    let code: string | undefined;
    let count = 0;
    while (code === undefined) {
      const waits = transport.sendFrame(frameOf(2_000_000, count));
      waits.then(
        () => settled++,
        (error: STTError) => (code = error.code),
      );
      count++;
      await new Promise(setImmediate);
    }
    expect(code).toBe('ERR_STT_TRANSPORT_FULL');
    expect(transport.getStats().queuedOctets).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(settled).toBeLessThan(count - 1);
    peer.resume();
    const frames = await inbox.upTo(count - 1);
    expect(frames.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: count - 1 }, (_, i) => i));
    await transport.close();
    expect(settled).toBe(count - 1);
  });

  it('delivers what was sent before close()', async () => {
    const inbox = new Inbox();
    const closed: (STTError | undefined)[] = [];
    const { url } = await listen({ onFrameReceived: inbox.take, onClose: (error) => closed.push(error) });
    const transport = await WebSocketTransport.connect(url, { onFrameReceived: () => {} });
    for (let i = 0; i < 3; i++) void transport.sendFrame(frameOf(1_000_000, i));
    await Promise.all([transport.close(), transport.close()]);
    expect((await inbox.upTo(3)).length).toBe(3);
  });

  it('tells a lost connection from one that was closed, and lets no sender wait for ever', async () => {
    const { listener, url } = await listen();
    const ended = new Promise<STTError | undefined>((resolve) => {
      void WebSocketTransport.connect(url, { onFrameReceived: () => {}, onClose: resolve }).then(async (transport) => {
        expect(await transport.sendFrame(frameOf(1))).toBe(true);
        await listener.close();
        expect(await transport.sendFrame(frameOf(1))).toBe(false);
      });
    });
    expect((await ended)?.code).toBe('ERR_STT_CONNECTION_LOST');
    await expect(WebSocketTransport.connect(url, { onFrameReceived: () => {} })).rejects.toMatchObject({
      code: 'ERR_STT_WEBSOCKET',
    });
  });

  it('closes a text message with 1003, a message over 2 MiB with 1009, and counts what is no frame', async () => {
    const { listener, url } = await listen();
    const stranger = async (data: string | Buffer): Promise<number> => {
      const socket = new WebSocket(url, 'stt.v1');
      socket.on('error', () => {});
      await once(socket, 'open');
      socket.send(data);
      return ((await once(socket, 'close')) as [number])[0];
    };
    expect(await stranger('hello')).toBe(1003);
    expect(await stranger(Buffer.alloc(2 * 1024 * 1024 + 7))).toBe(1009);
    const socket = new WebSocket(url, 'stt.v1');
    await once(socket, 'open');
    socket.send(Buffer.from('no frame'));
    socket.ping();
    await once(socket, 'pong');
    expect([...listener.connections][0]!.getStats()).toMatchObject({ framesReceived: 0, malformed: 1 });
    socket.terminate();
  });

  it('gives up a peer that shows no sign of life, and no other', async () => {
    const lost = new Promise<STTError | undefined>((resolve) => {
      void listen({ heartbeatMs: 500, onClose: resolve }).then(async ({ url }) => {
        const alive = await WebSocketTransport.connect(url, { onFrameReceived: () => {} });
        open.push(() => alive.close());
        const dead = new WebSocket(url, 'stt.v1', { autoPong: false });
        dead.on('error', () => {});
        await once(dead, 'close');
        expect(await alive.sendFrame(frameOf(1))).toBe(true);
      });
    });
    expect((await lost)?.code).toBe('ERR_STT_CONNECTION_LOST');
  });

  it('masks what it sends, since nobody encrypts it, with another mask each time', async () => {
    const server: Server = createServer();
    const masks = new Promise<string[]>((resolve) => {
      server.on('upgrade', (request, socket) => {
        const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
        const accept = createHash('sha1').update(key).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: stt.v1\r\n\r\n`,
        );
        let came = Buffer.alloc(0);
        socket.on('data', (data: Buffer) => {
          came = Buffer.concat([came, data]);
          // Two messages of a length that stands in the second octet (RFC 6455 §5.2).
          const length = 6 + (came[1]! & 0x7f);
          if (came.length >= 2 * length) resolve([0, length].map((at) => hex(came.subarray(at + 2, at + 6))));
        });
        open.push(() => socket.destroy());
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => server.close());
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const transport = await WebSocketTransport.connect(url, { onFrameReceived: () => {} });
    await transport.sendFrame(frameOf(50));
    await transport.sendFrame(frameOf(50));
    const [first, second] = await masks;
    expect(first).not.toBe(second);
    expect([first, second]).not.toContain('00000000');
  });

  it('shares an http server, and keeps to its limits', async () => {
    const server: Server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => server.close());
    const inbox = new Inbox();
    await listen({ server, path: '/frames', maxClients: 1, allowedOrigins: [], onFrameReceived: inbox.take });
    const base = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connect = (path: string): Promise<WebSocketTransport> =>
      WebSocketTransport.connect(base + path, { onFrameReceived: () => {} });
    const transport = await connect('/frames');
    await transport.sendFrame(frameOf(1));
    await inbox.upTo(1);
    for (const path of ['/frames', '/other']) {
      expect((await rejection(connect(path))).code).toBe('ERR_STT_WEBSOCKET');
    }
    await transport.close();
  });

  it('refuses wrong options and gives up when it is told to', async () => {
    const handler = { onFrameReceived: () => {} };
    for (const wrong of [{}, { ...handler, onClosed: 1 }, { ...handler, sendQueueOctets: 5 }]) {
      await expect(WebSocketTransport.connect('ws://127.0.0.1:1/', wrong as never)).rejects.toMatchObject({
        name: 'STTConfigError',
      });
    }
    await expect(WebSocketTransport.listen({ ...handler } as never)).rejects.toMatchObject({ name: 'STTConfigError' });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(WebSocketTransport.connect('ws://127.0.0.1:1/', { ...handler, signal })).rejects.toThrow('enough');
    await expect(WebSocketTransport.connect('ftp://127.0.0.1/', handler)).rejects.toMatchObject({
      code: 'ERR_STT_ADDRESS',
    });
  });
});
