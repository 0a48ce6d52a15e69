/** What STT needs of the browser's WebSocket (and of anything that behaves like it). */
export interface WebSocketLike {
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** `readyState` of a WebSocket that takes messages. */
export const OPEN = 1;

/** Close code of a normal end (RFC 6455 §7.4.1). */
export const NORMAL_CLOSE = 1000;

/** Subprotocol of STT (STT §10). */
export const SUBPROTOCOL = 'stt.v1';

/** The browser's own, looked up when needed: pages may replace it. */
export function platformWebSocket(): WebSocketConstructor | undefined {
  return (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
}
