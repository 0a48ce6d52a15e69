import { sttError } from '../errors.js';
import { platformWebSocket, SUBPROTOCOL, type WebSocketLike } from './web-socket.js';

/** The application's share of WebSocket close codes begins there (RFC 6455 §7.4.2). */
const WRONG_SUBPROTOCOL = 4000;

/**
 * The URL of a node: `ws:` or `wss:`, or `http:` and `https:` that mean these; relative to the page, if there is one.
 * @throws STTTransportError `ERR_STT_ADDRESS`
 */
export function webSocketUrl(text: string): string {
  const base = (globalThis as { location?: { href: string } }).location?.href;
  let url: URL;
  try {
    url = new URL(text, base);
  } catch (cause) {
    throw sttError('ERR_STT_ADDRESS', { remote: text, why: 'it is no URL, as wss://host.example/stt is' }, { cause });
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw sttError('ERR_STT_ADDRESS', { remote: text, why: 'its scheme is neither ws: nor wss:' });
  }
  // A WebSocket takes none.
  url.hash = '';
  return url.href;
}

/**
 * Opens a WebSocket that speaks STT. Rejects with `ERR_STT_WEBSOCKET`, also after `timeoutMs`, or with the reason of the
 * signal.
 */
export function openWebSocket(url: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<WebSocketLike> {
  return new Promise((resolve, reject) => {
    const failure = (why: string, options: ErrorOptions = {}): Error =>
      sttError('ERR_STT_WEBSOCKET', { remote: url, why }, options);
    const Socket = platformWebSocket();
    if (Socket === undefined) return reject(failure('there is no WebSocket in this environment'));
    signal?.throwIfAborted();
    let socket: WebSocketLike;
    try {
      socket = new Socket(url, SUBPROTOCOL);
    } catch (cause) {
      // A page from https: may not use ws:, for one.
      return reject(failure('the browser refuses that address', { cause }));
    }
    socket.binaryType = 'arraybuffer';
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.onopen = socket.onclose = null;
    };
    const giveUp = (reason: unknown): void => {
      end();
      socket.close();
      reject(reason as Error);
    };
    const onAbort = (): void => giveUp(signal!.reason);
    const timer = setTimeout(() => giveUp(failure(`no answer within ${timeoutMs} ms`)), timeoutMs);
    signal?.addEventListener('abort', onAbort);
    socket.onopen = () => {
      end();
      if (socket.protocol === SUBPROTOCOL) return resolve(socket);
      socket.close(WRONG_SUBPROTOCOL, `this is no ${SUBPROTOCOL}`);
      reject(failure('what answers there does not speak STT'));
    };
    // Browsers tell no cause: pages shall not scan networks with it. 'close' follows every 'error'.
    socket.onclose = () => {
      end();
      reject(failure('nothing answered, or not as a node does'));
    };
    socket.onerror = () => {};
  });
}
