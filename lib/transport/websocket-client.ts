import { isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { WebSocket } from 'ws';
import { sttError } from '../node-errors.js';
import { describeFault } from './websocket-faults.js';
import { MAX_MESSAGE, SUBPROTOCOL } from './websocket-hub.js';

/** What of Node's TLS options concerns a client. */
export type WebSocketTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase'> & {
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
};

/** What differs where it is not a node that connects. */
export interface WebSocketUse {
  /** Largest message that is taken, octets; default: the largest packet. */
  readonly maxMessageOctets?: number;
  /** Called as soon as the WebSocket is open, before a message can come. */
  readonly onOpen?: (opened: OpenedWebSocket) => void;
  /** What is sent is not encrypted, so that whoever chooses it chooses octets on the wire, unless they are masked. */
  readonly isPlain?: boolean;
}

/**
 * Masks are there to keep whoever chooses the payload from choosing octets on the wire (RFC 6455 §10.3). Packets are
 * ciphertext, which nobody chooses, and masking them octet by octet would take half of the time of both sides.
 */
const NO_MASK = (mask: Buffer): void => void mask.fill(0);

/** A WebSocket that is open, and where it goes. */
export interface OpenedWebSocket {
  readonly socket: WebSocket;
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a WebSocket that speaks STT. Rejects with `ERR_STT_ADDRESS`, `ERR_STT_WEBSOCKET` (whose `cause` is what `ws` or
 * the system said), or the reason of the signal.
 */
export function openWebSocket(
  url: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  tls: WebSocketTls,
  use: WebSocketUse = {},
): Promise<OpenedWebSocket> {
  return new Promise((resolve, reject) => {
    if (!/^wss?:\/\//i.test(url)) {
      reject(sttError('ERR_STT_ADDRESS', { remote: url, why: 'its scheme is neither ws: nor wss:' }));
      return;
    }
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, [SUBPROTOCOL], {
        ...tls,
        perMessageDeflate: false,
        maxPayload: use.maxMessageOctets ?? MAX_MESSAGE,
        handshakeTimeout: timeoutMs,
        ...(use.isPlain === true ? {} : { generateMask: NO_MASK }),
      });
    } catch (cause) {
      reject(sttError('ERR_STT_ADDRESS', { remote: url, why: 'it is no URL of a WebSocket' }, { cause }));
      return;
    }
    // Removed when it is settled, so that a signal that lives long collects no listeners.
    const settle = (): void => signal?.removeEventListener('abort', onAbort);
    const onAbort = (): void => {
      settle();
      socket.terminate();
      reject(signal!.reason as Error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    let remote = { host: '::', port: 0 };
    socket.once('upgrade', ({ socket: { remoteAddress = '', remotePort = 0 } }) => {
      if (isIP(remoteAddress.split('%', 1)[0]!) !== 0) remote = { host: remoteAddress, port: remotePort };
    });
    socket.once('open', () => {
      settle();
      use.onOpen?.({ socket, ...remote });
      resolve({ socket, ...remote });
    });
    // Stays: what fails after the WebSocket is open is told by its close.
    socket.on('error', (cause) => {
      settle();
      reject(sttError('ERR_STT_WEBSOCKET', { remote: url, why: describeFault(cause) }, { cause }));
    });
  });
}
