import { sttError } from '../errors.js';
import { platformWebSocket, SUBPROTOCOL, type WebSocketConstructor, type WebSocketLike } from './web-socket.js';

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
 * Opens a WebSocket that speaks STT. Rejects with `ERR_STT_WEBSOCKET`, or the reason of the signal, which must have
 * been aborted by then for its last time.
 */
export function openWebSocket(
  url: string,
  signal: AbortSignal,
  Socket: WebSocketConstructor | undefined = platformWebSocket(),
): Promise<WebSocketLike> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      reject(sttError('ERR_STT_WEBSOCKET', { remote: url, why }, cause === undefined ? {} : { cause }));
    };
    if (Socket === undefined) return fail('there is no WebSocket in this environment');
    let socket: WebSocketLike;
    try {
      socket = new Socket(url, SUBPROTOCOL);
    } catch (cause) {
      // A page from https: may not use ws:, for one.
      return fail('the browser refuses that address', cause);
    }
    socket.binaryType = 'arraybuffer';
    const onAbort = (): void => {
      settle();
      socket.close();
      reject(signal.reason as Error);
    };
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.onopen = socket.onclose = null;
    };
    signal.addEventListener('abort', onAbort);
    socket.onopen = () => {
      settle();
      if (socket.protocol === SUBPROTOCOL) return resolve(socket);
      socket.close(WRONG_SUBPROTOCOL, `this is no ${SUBPROTOCOL}`);
      fail('what answers there does not speak STT');
    };
    // Browsers tell no cause: pages shall not scan networks with it. 'close' follows every 'error'.
    socket.onclose = () => {
      settle();
      fail('nothing answered, or not as a node does');
    };
    socket.onerror = () => {};
  });
}
