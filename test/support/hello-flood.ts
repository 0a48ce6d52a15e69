import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { HandshakeInitiator } from '../../lib/protocol/handshake/handshake-initiator.js';
import { HelloClock } from '../../lib/protocol/handshake/hello-clock.js';
import { deriveSeedKeys } from '../../lib/protocol/handshake/seed-keys.js';
import { preferredSuites } from '../../lib/protocol/handshake/suites.js';
import { nodeKeyPair } from '../../lib/stc/node-identity.js';
import { DEFAULT_TRANSPORT_PARAMS } from '../../lib/wire/handshake-messages.js';
import { testCrypto } from './engine-harness.js';

/** Different HELLOs of one who holds this seed, and the identity that goes with it if it is given. */
export function hellos(sharedSeed: Uint8Array, count: number, nodeSeed = randomBytes(32)): Uint8Array[] {
  const clock = new HelloClock();
  const seed = deriveSeedKeys(testCrypto, sharedSeed);
  const staticKeys = nodeKeyPair(testCrypto, nodeSeed);
  return Array.from({ length: count }, () => {
    const initiator = new HandshakeInitiator({
      crypto: testCrypto,
      seed,
      staticKeys,
      params: DEFAULT_TRANSPORT_PARAMS,
      suites: preferredSuites(testCrypto),
      helloClock: clock,
      random: { u32: () => 0 },
      isSessionIdTaken: () => false,
    });
    initiator.start(0);
    return initiator.pollTransmit(0, Date.now() * 1000)!.datagram;
  });
}

/** Sockets on addresses of their own (Linux takes all of 127.0.0.0/8 for this host), which count what comes back. */
export class Flooders implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  datagramsSent = 0;
  octetsSent = 0;
  datagramsReceived = 0;
  octetsReceived = 0;
  largestReceived = 0;

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    for (const socket of sockets) {
      socket.on('message', (datagram) => {
        this.datagramsReceived++;
        this.octetsReceived += datagram.length;
        this.largestReceived = Math.max(this.largestReceived, datagram.length);
      });
    }
  }

  static async open(count: number): Promise<Flooders> {
    const hosts = process.platform === 'linux' ? count : 1;
    const sockets = Array.from({ length: count }, (_, i) => {
      const socket = createSocket('udp4');
      socket.bind(0, `127.0.${1 + ((i % hosts) >> 8)}.${(i % hosts) & 255 || 1}`);
      return socket;
    });
    await Promise.all(sockets.map((socket) => once(socket, 'listening')));
    return new Flooders(sockets);
  }

  /** Sends each datagram once, from one socket after the other. */
  async send(datagrams: readonly Uint8Array[], port: number): Promise<void> {
    const sent = datagrams.map(
      (datagram, i) =>
        new Promise<void>((resolve) => {
          this.#sockets[i % this.#sockets.length]!.send(datagram, port, '127.0.0.1', () => resolve());
        }),
    );
    await Promise.all(sent);
    this.datagramsSent += datagrams.length;
    this.octetsSent += datagrams.reduce((sum, datagram) => sum + datagram.length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }
}
