import type { WebSocket } from 'ws';
import type { PacketEngine } from '../ports/packet-engine.js';
import { connectionAddress, connectionNumber } from '../wire/address.js';
import { CLOSED, endWebSocket, Heartbeat, sweepEvery } from './websocket-liveness.js';

/** Subprotocol of every STT WebSocket (STT §10). */
export const SUBPROTOCOL = 'stt.v1';
/** The largest packet (STT §10). */
export const MAX_MESSAGE = 65_507;
/** Octets that `ws` may hold of one peer before its sessions seal no more, and when they go on: some 16 packets. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 4;
/** Nothing is sealed beyond the high-water mark: who gets there has answers sent and does not read them. */
const HARD_LIMIT = 4 * HIGH_WATER;
/** Numbers of connections are below. */
const MAX_NUMBER = 0x7fffffff;

export interface HubOptions {
  /** Takes what comes in. */
  readonly engine: Pick<PacketEngine, 'receive' | 'deliver'>;
  /** There is room again for what was refused. */
  readonly onWritable: () => void;
  /** A connection without a session is closed after so long, ms. */
  readonly handshakeTimeoutMs: number;
  /** A silent peer is asked for a sign of life after so long, and given up after twice as long, ms. */
  readonly heartbeatMs: number;
}

interface Connection {
  readonly socket: WebSocket;
  readonly address: Uint8Array;
  readonly onLost: Set<(why: string) => void>;
  readonly openedAt: number;
  readonly heartbeat: Heartbeat;
  full: boolean;
  closing: boolean;
}

/**
 * The WebSockets of a node, beside the socket of its packet engine. To the engine a connection is an address: the peer's
 * IP address and port, and a number of its own where a UDP address has its scope. `ws` holds what the kernel does not
 * take, so sealing stops for a connection that holds much, and goes on when it has drained.
 */
export class WebSocketHub {
  readonly #options: HubOptions;
  readonly #connections = new Map<number, Connection>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #lastId = 0;
  #turnScheduled = false;
  #writable = false;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#sweeper = sweepEvery([options.handshakeTimeoutMs, options.heartbeatMs], () => this.#sweep());
  }

  /** Connections open now. */
  get size(): number {
    return this.#connections.size;
  }

  /** True while the connection of this address is open. */
  has(address: Uint8Array): boolean {
    return this.#at(address)?.closing === false;
  }

  /** Takes an open WebSocket in and gives its address, ADDRESS_OCTETS. */
  add(socket: WebSocket, host: string, port: number): Uint8Array {
    const id = this.#nextId();
    const address = connectionAddress(host, port, id);
    const connection: Connection = {
      socket,
      address,
      onLost: new Set(),
      openedAt: performance.now(),
      heartbeat: new Heartbeat(socket, this.#options.heartbeatMs),
      full: false,
      closing: false,
    };
    this.#connections.set(id, connection);
    let fault = '';
    socket.on('message', (data, isBinary) => this.#onMessage(connection, data as Buffer, isBinary));
    socket.on('error', (error) => (fault = error.message));
    socket.on('close', (code, reason) => {
      this.#connections.delete(id);
      const said = reason.toString() || fault || `the WebSocket was closed with code ${code}`;
      for (const onLost of [...connection.onLost]) onLost(said);
      if (connection.full) this.#resumeSoon(true);
    });
    if (this.#closed) socket.terminate();
    return address;
  }

  /** A session goes over this connection from now on. `onLost` is called when it breaks. False if it is gone already. */
  bind(address: Uint8Array, onLost: (why: string) => void): boolean {
    const connection = this.#at(address);
    connection?.onLost.add(onLost);
    return connection !== undefined;
  }

  /** A session is over: with the last one its connection ends. */
  unbind(address: Uint8Array, onLost: (why: string) => void): void {
    const connection = this.#at(address);
    connection?.onLost.delete(onLost);
    if (connection !== undefined && connection.onLost.size === 0) this.#end(connection, CLOSED.NORMAL, '');
  }

  /** Closes a connection on which no session came about. */
  drop(address: Uint8Array): void {
    const connection = this.#at(address);
    if (connection !== undefined) this.#end(connection, CLOSED.NORMAL, '');
  }

  /** True if nothing more should be sealed for this connection now. */
  isFull(address: Uint8Array): boolean {
    const connection = this.#at(address);
    if (connection === undefined) return false;
    if (connection.socket.bufferedAmount >= HIGH_WATER) connection.full = true;
    return connection.full;
  }

  /** Sends a datagram, which is the hub's from now on. */
  send(address: Uint8Array, datagram: Uint8Array): void {
    const connection = this.#at(address);
    if (connection !== undefined) {
      connection.socket.send(datagram, { binary: true }, () => this.#onSent(connection));
      if (connection.socket.bufferedAmount > HARD_LIMIT) connection.socket.terminate();
    }
    // The engine has room for more.
    this.#resumeSoon(true);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    await Promise.all(
      Array.from(
        this.#connections.values(),
        (connection) =>
          new Promise<void>((resolve) => {
            connection.socket.once('close', () => resolve());
            this.#end(connection, CLOSED.GOING_AWAY, 'the node stopped');
          }),
      ),
    );
  }

  #onMessage(connection: Connection, data: Buffer, isBinary: boolean): void {
    if (this.#closed || connection.closing) return;
    if (!isBinary) {
      this.#end(connection, CLOSED.TEXT, 'STT sends binary messages only');
      return;
    }
    connection.heartbeat.heard();
    this.#options.engine.receive(data, connection.address);
    this.#resumeSoon(false);
  }

  #onSent(connection: Connection): void {
    if (!connection.full || connection.socket.bufferedAmount > LOW_WATER) return;
    connection.full = false;
    this.#resumeSoon(true);
  }

  /** At the end of this turn: what came in is one batch, and there is room again in the engine's buffer. */
  #resumeSoon(writable: boolean): void {
    this.#writable ||= writable;
    if (this.#turnScheduled || this.#closed) return;
    this.#turnScheduled = true;
    setImmediate(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#turnScheduled = false;
    if (this.#closed) return;
    this.#options.engine.deliver();
    if (this.#writable && !this.#closed) {
      this.#writable = false;
      this.#options.onWritable();
    }
  };

  #sweep(): void {
    const now = performance.now();
    for (const connection of this.#connections.values()) {
      const { heartbeat, openedAt, onLost } = connection;
      if (onLost.size === 0 && now - openedAt > this.#options.handshakeTimeoutMs) {
        this.#end(connection, CLOSED.POLICY, 'no handshake in time');
      } else {
        heartbeat.check(now);
      }
    }
  }

  #end(connection: Connection, code: number, reason: string): void {
    if (connection.closing) return;
    connection.closing = true;
    endWebSocket(connection.socket, code, reason);
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) & MAX_NUMBER;
    while (this.#connections.has(this.#lastId));
    return this.#lastId;
  }

  #at(address: Uint8Array): Connection | undefined {
    return this.#connections.get(connectionNumber(address));
  }
}
