import type { RemoteInfo, Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { JsPacketEngine } from '../engine/js-packet-engine.js';
import type { DatagramOutput } from '../engine/datagram-output.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { ADDRESS_OCTETS, type BoundAddress, type PacketEngineEvents } from '../ports/packet-engine.js';
import { addressHost, addressPort, addressScope, isIPv4Address, numericZone, writeAddress } from '../wire/address.js';
import { bindUdp, TRANSIENT, type UdpSocketOptions } from './udp-socket.js';

/** Senders whose address is remembered in octets: enough for the busy ones, and bounded. */
const MAX_SENDERS = 1_024;
/** Datagrams that wait for the end of the turn; Node reads 32 at a time, so this is never reached by chance. */
const MAX_TURN = 1_024;

export interface JsEngineOptions extends UdpSocketOptions {
  readonly crypto: CryptoProvider;
  readonly events: PacketEngineEvents;
}

export interface OpenedJsEngine {
  readonly engine: JsPacketEngine;
  readonly boundAddress: BoundAddress;
}

/**
 * Binds a `dgram` socket and puts a pure-JS packet engine on it.
 *
 * @throws the operating system's own error: EADDRINUSE, EACCES, EADDRNOTAVAIL, EINVAL, ...
 */
export async function openJsEngine(options: JsEngineOptions): Promise<OpenedJsEngine> {
  const { socket, family } = await bindUdp(options);
  const { address, port } = socket.address();
  const loop = new UdpLoop(socket, family, options);
  return { engine: loop.engine, boundAddress: { address, port, family: family === 4 ? 'IPv4' : 'IPv6' } };
}

/**
 * One `dgram` socket and its engine. What one turn of the event loop reads becomes one batch; datagrams that Node
 * could not send at once are counted, and the engine's buffer stays theirs until they are gone.
 */
class UdpLoop implements DatagramOutput {
  readonly engine: JsPacketEngine;
  /** Node gives no access to the traffic class of datagrams, neither to read nor to write it. */
  readonly canMark = false;
  readonly receiveBufferOctets: number;
  readonly sendBufferOctets: number;

  readonly #socket: Socket;
  readonly #family: 4 | 6;
  readonly #events: PacketEngineEvents;
  readonly #scopes: ScopeNames;
  // Datagrams of this turn: received octets, and 22 octets each of where they came from.
  readonly #datagrams: Uint8Array[] = [];
  readonly #senders: Uint8Array[] = [];
  #turnScheduled = false;
  #resumeScheduled = false;
  /** Datagrams that dgram has not reported yet. */
  #unsent = 0;
  #closed = false;
  #drained: (() => void) | undefined;

  readonly #senderOctets = new Map<string, Map<number, Uint8Array>>();
  #senderCount = 0;
  readonly #hosts = new WeakMap<Uint8Array, string>();

  constructor(socket: Socket, family: 4 | 6, options: JsEngineOptions) {
    this.#socket = socket;
    this.#family = family;
    this.#events = options.events;
    this.#scopes = new ScopeNames();
    this.receiveBufferOctets = socket.getRecvBufferSize();
    this.sendBufferOctets = socket.getSendBufferSize();
    this.engine = new JsPacketEngine({ crypto: options.crypto, events: options.events, output: this });
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
  }

  send(address: Uint8Array, bytes: Uint8Array, begin: number, end: number): boolean {
    let host = this.#hosts.get(address);
    if (host === undefined) {
      host = this.#hostOf(address);
      this.#hosts.set(address, host);
    }
    this.#unsent++;
    try {
      this.#socket.send(bytes, begin, end - begin, addressPort(address), host, this.#onSent);
    } catch {
      // Port 0 and the like: what an OS refuses comes by the callback.
      process.nextTick(this.#onSent, SEND_REFUSED);
    }
    return false;
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#socket.off('message', this.#onMessage);
    this.#datagrams.length = 0;
    this.#senders.length = 0;
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#socket.close(() => resolve());
      };
      if (this.#unsent === 0) finish();
      else this.#drained = finish;
    });
  }

  readonly #onMessage = (datagram: Uint8Array, sender: RemoteInfo): void => {
    this.#datagrams.push(datagram);
    this.#senders.push(this.#octetsOf(sender));
    if (this.#datagrams.length >= MAX_TURN) {
      this.#endTurn();
    } else if (!this.#turnScheduled) {
      this.#turnScheduled = true;
      setImmediate(this.#onTurn);
    }
  };

  readonly #onTurn = (): void => {
    this.#turnScheduled = false;
    this.#endTurn();
  };

  #endTurn(): void {
    const count = this.#datagrams.length;
    for (let i = 0; i < count && !this.#closed; i++) this.engine.receive(this.#datagrams[i]!, this.#senders[i]!);
    this.#datagrams.length = 0;
    this.#senders.length = 0;
    if (!this.#closed) this.engine.deliver();
  }

  readonly #onSent = (error: Error | null): void => {
    this.#unsent--;
    if (error === null) this.engine.released(1);
    else this.engine.failed((error as NodeJS.ErrnoException).code === 'EMSGSIZE');
    if (this.#closed) {
      if (this.#unsent === 0) this.#drained?.();
    } else if (!this.#resumeScheduled) {
      this.#resumeScheduled = true;
      // Not from here: a sender that never waits would keep the loop from reading acknowledgements.
      setImmediate(this.#onResume);
    }
  };

  readonly #onResume = (): void => {
    this.#resumeScheduled = false;
    this.engine.resume();
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    if (this.#closed || TRANSIENT.has(error.code ?? '')) return;
    void this.engine.close();
    this.#events.onError(error);
  };

  /** The 22 octets of a sender, made once for the busy ones. */
  #octetsOf(sender: RemoteInfo): Uint8Array {
    let ports = this.#senderOctets.get(sender.address);
    const known = ports?.get(sender.port);
    if (known !== undefined) return known;
    const octets = new Uint8Array(ADDRESS_OCTETS);
    if (!writeAddress(octets, 0, sender.address, sender.port, this.#scopes.scopeOf)) {
      // A zone that nobody knows: the address has to do without.
      writeAddress(octets, 0, sender.address.split('%', 1)[0]!, sender.port);
    }
    if (this.#senderCount >= MAX_SENDERS) {
      this.#senderOctets.clear();
      this.#senderCount = 0;
      ports = undefined;
    }
    if (ports === undefined) this.#senderOctets.set(sender.address, (ports = new Map<number, Uint8Array>()));
    ports.set(sender.port, octets);
    this.#senderCount++;
    return octets;
  }

  #hostOf(address: Uint8Array): string {
    const scope = addressScope(address);
    const host = addressHost(address, 0, scope === 0 ? undefined : this.#scopes.nameOf(scope));
    return this.#family === 6 && isIPv4Address(address) ? `::ffff:${host}` : host;
  }
}

const SEND_REFUSED = new Error('refused by dgram');

/** Interface names <-> scope ids: dgram speaks of link-local addresses by the name where the operating system does. */
class ScopeNames {
  readonly #scopes = new Map<string, number>();

  readonly scopeOf = (zone: string): number => {
    const known = numericZone(zone) || this.#scopes.get(zone);
    if (known !== undefined) return known;
    const scope = this.#read().get(zone) ?? 0;
    // Unknown stays unknown: no system call for every datagram.
    this.#scopes.set(zone, scope);
    return scope;
  };

  nameOf(scope: number): string {
    for (const [name, id] of this.#scopes) if (id === scope) return name;
    for (const [name, id] of this.#read()) if (id === scope) return name;
    return String(scope);
  }

  #read(): Map<string, number> {
    // On Windows the zone of an address is a number already.
    if (process.platform === 'win32') return this.#scopes;
    for (const [name, addresses] of Object.entries(networkInterfaces())) {
      for (const address of addresses ?? []) {
        if (address.family === 'IPv6' && address.scopeid !== 0) this.#scopes.set(name, address.scopeid);
      }
    }
    return this.#scopes;
  }
}
