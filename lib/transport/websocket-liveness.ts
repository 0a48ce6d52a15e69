import type { WebSocket } from 'ws';

/** How long the other side may take to answer a close. */
const CLOSE_MS = 1000;
/** Close codes of RFC 6455 §7.4.1. */
export const CLOSED = { NORMAL: 1000, GOING_AWAY: 1001, TEXT: 1003, POLICY: 1008 } as const;

/** Asks a silent peer for a sign of life, and gives up one that shows none. */
export class Heartbeat {
  readonly #socket: WebSocket;
  readonly #intervalMs: number;
  #heardAt = performance.now();
  #pingedAt = this.#heardAt;

  /** @param intervalMs a silent peer is pinged after so long, and given up after twice as long */
  constructor(socket: WebSocket, intervalMs: number) {
    this.#socket = socket;
    this.#intervalMs = intervalMs;
    socket.on('pong', () => this.heard());
  }

  /** Something came from the peer. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** To be called again and again, at least twice in an interval. */
  check(now: number): void {
    if (now - this.#heardAt > 2 * this.#intervalMs) {
      this.#socket.terminate();
    } else if (now - Math.max(this.#heardAt, this.#pingedAt) >= this.#intervalMs) {
      this.#pingedAt = now;
      this.#socket.ping();
    }
  }
}

/** Calls `sweep` often enough for limits of these lengths, ms; keeps no process alive. */
export function sweepEvery(limits: readonly number[], sweep: () => void): ReturnType<typeof setInterval> {
  return setInterval(sweep, Math.max(10, Math.min(1000, ...limits.map((limit) => limit / 2)))).unref();
}

/** Closes a WebSocket, and cuts it off when the other side does not answer in time. What is queued goes first. */
export function endWebSocket(socket: WebSocket, code: number, reason: string, timeoutMs = CLOSE_MS): void {
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), timeoutMs);
  socket.once('close', () => clearTimeout(timer));
}
