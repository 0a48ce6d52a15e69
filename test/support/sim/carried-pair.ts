import { unlimited } from '../../../lib/protocol/congestion/unlimited.js';
import { Link, type LinkConditions } from './network.js';
import { CLIENT, MovingPair, SERVER } from './moving-pair.js';
import type { PairOptions, SideOptions } from './pair.js';
import { PATH_AT } from './plain-carrier.js';

/** The WebSocket, as the client knows it and as the server does. */
export const WEB_SOCKET = SERVER + 32;
const FROM_WEB_SOCKET = CLIENT + 64;
/** A WebSocket that is opened later. */
export const NEXT_WEB_SOCKET = WEB_SOCKET + 1;
const FROM_NEXT = FROM_WEB_SOCKET + 1;
const CONNECTIONS = new Map([
  [WEB_SOCKET, FROM_WEB_SOCKET],
  [NEXT_WEB_SOCKET, FROM_NEXT],
]);

export interface CarriedOptions extends PairOptions {
  readonly begin: 'udp' | 'websocket';
  /** Of WebSockets; they lose nothing. */
  readonly connection?: LinkConditions;
}

/** Two sessions between which there are UDP and WebSockets. */
export class CarriedPair extends MovingPair {
  udpWorks = true;
  /** WebSockets that are open. */
  readonly open = new Set<number>([WEB_SOCKET]);
  readonly #there: Link;
  readonly #back: Link;

  constructor(options: CarriedOptions) {
    const onConnection = options.begin === 'websocket';
    const profile = (side: SideOptions = {}): SideOptions => ({
      ...side,
      config: { ...side.config, connection: { packetSize: 65_507, congestion: unlimited } },
    });
    super({
      ...options,
      client: profile(options.client),
      server: profile(options.server),
      connections: [...CONNECTIONS].flat(),
      ...(onConnection ? { client0: FROM_WEB_SOCKET, server0: WEB_SOCKET } : {}),
    });
    const { connection = { latencyMs: 10 } } = options;
    this.#there = new Link(this.time, this.random.u32(), connection, this.server.receive);
    this.#back = new Link(this.time, this.random.u32(), connection, this.client.receive);
    this.client.send = (datagram) => {
      const to = datagram[PATH_AT]!;
      if (to === SERVER && this.udpWorks) this.toServer(datagram, CLIENT);
      else if (this.open.has(to)) this.#there.send(onPath(datagram, CONNECTIONS.get(to)!));
    };
    this.server.send = (datagram) => {
      const to = datagram[PATH_AT]!;
      if (to === CLIENT && this.udpWorks) this.toClient(datagram);
      for (const [ours, theirs] of CONNECTIONS) {
        if (theirs === to && this.open.has(ours)) this.#back.send(onPath(datagram, ours));
      }
    };
  }

  /** What each side uses now. */
  get paths(): [client: number, server: number] {
    return [this.clientPaths.changes.at(-1) ?? 0, this.serverPaths.changes.at(-1) ?? 0];
  }

  /** A WebSocket breaks, and both sides are told. Gives what the sessions said. */
  break(connection = WEB_SOCKET): [client: boolean, server: boolean] {
    this.open.delete(connection);
    const said: [boolean, boolean] = [
      this.client.session.paths.onGone(this.now, connection),
      this.server.session.paths.onGone(this.now, CONNECTIONS.get(connection)!),
    ];
    this.pump();
    return said;
  }

  /** The client has opened a WebSocket. */
  connect(connection = WEB_SOCKET): void {
    this.open.add(connection);
    this.clientPaths.keepPath(connection);
    this.client.session.paths.tryPath(this.now, connection);
    this.pump();
  }
}

function onPath(datagram: Uint8Array, path: number): Uint8Array {
  const copy = datagram.slice();
  copy[PATH_AT] = path;
  return copy;
}
