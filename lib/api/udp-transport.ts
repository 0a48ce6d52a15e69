import type { RemoteInfo, Socket } from 'node:dgram';
import { MAX_DATAGRAM } from '../constants.js';
import { sttError } from '../errors.js';
import { checkOptionNames, integerOption } from '../options.js';
import type { BoundAddress } from '../ports/packet-engine.js';
import { bindAny, bindUdp, TRANSIENT } from '../transport/udp-socket.js';
import { encodeAddress } from '../wire/address.js';
import type { STTFrame } from '../wire/stt-frame.js';
import { FrameTraffic, type FrameStats } from './frame-traffic.js';
import { reportLater } from './report.js';

/** Octets that may wait in all, unless an option says otherwise. */
const SEND_QUEUE_OCTETS = 4 * 1024 * 1024;

/** Where a frame came from, or goes to. */
export interface FrameAddress {
  /** An IP address; of IPv6 with a zone where it needs one. */
  readonly address: string;
  readonly port: number;
}

export interface UDPTransportOptions {
  /** Called with every well-formed frame, as it comes: frames may be lost, doubled and overtaken by others. */
  readonly onFrameReceived: (frame: STTFrame, remote: FrameAddress) => void;
  /** Called with the system's error if the socket fails; the transport is closed then. */
  readonly onError?: (error: Error) => void;
  /** Address to bind. Default: all, IPv6 and IPv4 on one socket where the system has it. */
  readonly host?: string;
  /** Default 0: the system chooses. */
  readonly port?: number;
  /** Octets of frames that may wait to be sent; beyond, `sendFrame` rejects. Default 4 MiB. */
  readonly sendQueueOctets?: number;
}

/**
 * STTFrames over UDP, one in each datagram, without a session: nothing is encrypted, authenticated, acknowledged or
 * protected against replay but what the caller puts into the frames (STT §3).
 */
export class UDPTransport {
  readonly #options: UDPTransportOptions;
  readonly #limit: number;
  readonly #traffic = new FrameTraffic();
  #starting: Promise<BoundAddress> | undefined;
  #stopping: Promise<void> | undefined;
  #socket: Socket | undefined;
  #family: 4 | 6 = 6;
  #queued = 0;
  #onSent: (() => void) | undefined;

  /** @throws STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE` */
  constructor(options: UDPTransportOptions) {
    checkOptionNames(options, ['onFrameReceived', 'onError', 'host', 'port', 'sendQueueOctets']);
    if (typeof options.onFrameReceived !== 'function') {
      const value = typeof options.onFrameReceived;
      throw sttError('ERR_STT_OPTION_RANGE', { name: 'onFrameReceived', value, expected: 'a function' });
    }
    integerOption('port', options.port, 0, 0, 65_535);
    this.#limit = integerOption('sendQueueOctets', options.sendQueueOctets, SEND_QUEUE_OCTETS, 65_536, 2 ** 30);
    this.#options = options;
  }

  /** Binds the socket. Rejects with the system's own error (EADDRINUSE, EACCES, ...), or `ERR_STT_TRANSPORT_CLOSED`. */
  start(): Promise<BoundAddress> {
    if (this.#stopping !== undefined) return Promise.reject(closed('`start`', 'stopped'));
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Sends a frame. Resolves when the system has taken it, which says nothing of its arrival.
   *
   * Rejects with `ERR_STT_FRAME_TOO_LARGE` (over 65,507 octets), `ERR_STT_ADDRESS` (no IP address of the socket's
   * family), `ERR_STT_TRANSPORT_FULL`, `ERR_STT_TRANSPORT_CLOSED`, or the system's own error.
   */
  async sendFrame(frame: STTFrame, remote: FrameAddress): Promise<void> {
    const bytes = frame.toBytes();
    if (bytes.length > MAX_DATAGRAM) {
      throw sttError('ERR_STT_FRAME_TOO_LARGE', { size: bytes.length, limit: MAX_DATAGRAM });
    }
    const host = this.#hostOf(remote);
    const socket = this.#socket;
    if (this.#stopping !== undefined) throw closed('`sendFrame`', 'stopped');
    if (socket === undefined) throw closed('`sendFrame`', 'not started');
    if (this.#queued > 0 && this.#queued + bytes.length > this.#limit) {
      throw sttError('ERR_STT_TRANSPORT_FULL', { queued: this.#queued, limit: this.#limit });
    }
    this.#queued += bytes.length;
    try {
      await new Promise<void>((resolve, reject) => {
        socket.send(bytes, remote.port, host, (error) => (error === null ? resolve() : reject(error)));
      });
      this.#traffic.sent(bytes.length);
    } finally {
      this.#queued -= bytes.length;
      if (this.#queued === 0) this.#onSent?.();
    }
  }

  /** Closes the socket when what waits was sent. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A snapshot. */
  getStats(): FrameStats {
    return this.#traffic.stats(this.#queued);
  }

  async #start(): Promise<BoundAddress> {
    const { host, port = 0 } = this.#options;
    const { socket, family } = await bindAny(host, (address) => bindUdp({ host: address, port }));
    this.#socket = socket;
    this.#family = family;
    socket.on('message', this.#onMessage);
    socket.on('error', this.#onError);
    return { address: socket.address().address, port: socket.address().port, family: family === 4 ? 'IPv4' : 'IPv6' };
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.off('message', this.#onMessage);
    if (this.#queued > 0) await new Promise<void>((resolve) => (this.#onSent = resolve));
    await new Promise<void>((resolve) => void socket.close(resolve));
  }

  readonly #onMessage = (datagram: Uint8Array, { address, port }: RemoteInfo): void => {
    const frame = this.#traffic.read(datagram);
    if (frame === undefined) return;
    try {
      // An IPv4 address that came over an IPv6 socket is written as what it is.
      this.#options.onFrameReceived(frame, { address: address.replace(/^::ffff:(?=\d+\.)/i, ''), port });
    } catch (error) {
      reportLater(error);
    }
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    if (this.#stopping !== undefined || TRANSIENT.has(error.code ?? '')) return;
    void this.stop();
    this.#options.onError?.(error);
  };

  #hostOf({ address, port }: FrameAddress): string {
    integerOption('port', port, Number.NaN, 1, 65_535);
    const isV4 = /^[\d.]+$/.test(address);
    if (encodeAddress(address.split('%', 1)[0]!, port) === undefined) {
      throw sttError('ERR_STT_ADDRESS', { remote: address, why: 'it is no IP address' });
    }
    if (this.#family === 4 && !isV4) {
      throw sttError('ERR_STT_ADDRESS', { remote: address, why: 'the socket is bound for IPv4 only' });
    }
    return this.#family === 6 && isV4 ? `::ffff:${address}` : address;
  }
}

function closed(what: string, why: string): Error {
  return sttError('ERR_STT_TRANSPORT_CLOSED', { what, why });
}
