import { STTError, sttError } from '../node-errors.js';
import type { BoundAddress } from '../ports/packet-engine.js';
import type { WebSocketTls } from '../transport/websocket-client.js';
import type { Carrier } from './carrier.js';
import { targetLabel, type ConnectTarget } from './connect-target.js';
import { dialUdp } from './dial-udp.js';
import type { DialOptions, OpenedSlot } from './dials.js';
import { raceWithHeadStart, type Contender } from './head-start.js';
import type { WebSockets } from './web-sockets.js';

/** The connection attempt delay of RFC 8305 §5. Most answers over UDP are there by then, and no WebSocket is opened. */
const HEAD_START_MS = 250;
/** An attempt that has little time shall not spend all of it on UDP. */
const HEAD_START_SHARE = 4;
/** UDP is kept if it answers so soon after WebSocket (STT §10). */
const GRACE_MS = 250;

/** What of a running node it takes. */
export interface Carriers extends Carrier {
  readonly bound: BoundAddress;
  readonly webSockets: () => Promise<WebSockets>;
}

/** Reaches a target over the better one of UDP and WebSocket. `running` throws once the node has stopped. */
export async function connectEither(
  running: () => Carriers,
  to: ConnectTarget,
  dial: DialOptions,
  tls: WebSocketTls,
): Promise<OpenedSlot> {
  const carrier = running();
  dial.signal?.throwIfAborted();
  const deadline = performance.now() + dial.timeoutMs;
  const remaining = (signal: AbortSignal | undefined): DialOptions => {
    return { ...dial, signal, timeoutMs: Math.max(1, Math.ceil(deadline - performance.now())) };
  };
  const udp = to.udp === undefined ? undefined : overUdp(carrier, running, to.udp, remaining);
  const webSocket = to.webSocket === undefined ? undefined : overWebSocket(running, to.webSocket, remaining, tls);
  if (udp === undefined || webSocket === undefined) return (udp ?? webSocket)!.start(dial.signal);
  try {
    const reached = await raceWithHeadStart<OpenedSlot>(udp, webSocket, {
      headStartMs: Math.min(HEAD_START_MS, dial.timeoutMs / HEAD_START_SHARE),
      graceMs: GRACE_MS,
      signal: dial.signal,
    });
    running();
    return reached;
  } catch (error) {
    throw error instanceof AggregateError ? unreachable(to, error) : error;
  }
}

/** Like a contender, but it may be alone and without a signal. */
interface Way extends Contender<OpenedSlot> {
  start(signal: AbortSignal | undefined): Promise<OpenedSlot>;
}

type Remaining = (signal: AbortSignal | undefined) => DialOptions;

function overUdp(
  carrier: Carriers,
  running: () => Carriers,
  { host, port }: NonNullable<ConnectTarget['udp']>,
  remaining: Remaining,
): Way {
  return {
    start: async (signal) => {
      return dialUdp(running(), host, port, remaining(signal), running);
    },
    discard: (opened) => carrier.handshakes.release(opened),
  };
}

function overWebSocket(running: () => Carriers, url: string, remaining: Remaining, tls: WebSocketTls): Way {
  let sockets!: WebSockets;
  return {
    start: async (signal) => {
      sockets = await running().webSockets();
      running();
      signal?.throwIfAborted();
      return sockets.dial(url, remaining(signal), tls);
    },
    discard: (opened) => sockets.discard(opened),
    fault: (opened) =>
      sockets.isOpen(opened)
        ? undefined
        : sttError('ERR_STT_CONNECTION_LOST', { remote: url, why: 'the WebSocket was closed while UDP had its time' }),
  };
}

/** One error that names both causes. */
function unreachable(to: ConnectTarget, cause: AggregateError): Error {
  const [udp, webSocket] = cause.errors as [Error, Error];
  const stopped = cause.errors.find((error) => error instanceof STTError && error.code === 'ERR_STT_NODE_STOPPED');
  if (stopped !== undefined) return stopped as Error;
  const sentence = ({ message }: Error): string => (message.endsWith('.') ? message : `${message}.`);
  const details = { remote: targetLabel(to), udp: sentence(udp), webSocket: sentence(webSocket) };
  return sttError('ERR_STT_UNREACHABLE', details, { cause });
}
