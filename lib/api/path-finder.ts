import type { BoundAddress } from '../ports/packet-engine.js';
import type { AlternativeAddresses, PathFinding, Wish } from '../ports/path-host.js';
import type { WebSocketTls } from '../transport/websocket-client.js';
import { parseEndpoint } from '../wire/address.js';
import type { ConnectTarget } from './connect-target.js';
import { resolveRemote } from './resolve.js';
import type { WebSockets } from './web-sockets.js';

/** An attempt to open a WebSocket for a session that is open may take so long, ms. */
const OPEN_TIMEOUT_MS = 10_000;

/** The node around it. */
export interface FinderNode {
  readonly bound: BoundAddress;
  readonly webSockets: () => Promise<WebSockets>;
}

/** The session for which it looks. */
export interface FinderSession {
  /** An address of the peer (ADDRESS_OCTETS) was found: a UDP address, or that of a WebSocket just opened. */
  tryPath(address: Uint8Array): void;
  onNothingFound(): void;
}

/**
 * Where else the peer of a session may be reached: by the addresses that the application connected with, and those that
 * the peer told (STT §6, ALT_ADDRESS). A WebSocket that the peer told is opened only on the host that was connected to:
 * a peer shall not have a node knock at others' doors.
 */
export class PathFinder implements PathFinding {
  readonly #node: FinderNode;
  readonly #session: FinderSession;
  readonly #target: ConnectTarget;
  readonly #tls: WebSocketTls;
  /** Searches under way. */
  #searches = 0;
  /** UDP address of the target, once it was resolved. */
  #udp: Uint8Array | undefined;

  constructor(node: FinderNode, session: FinderSession, target: ConnectTarget, tls: WebSocketTls = {}) {
    this.#node = node;
    this.#session = session;
    this.#target = target;
    this.#tls = tls;
  }

  /** What is found later goes to the session's `tryPath` or `onNothingFound`. */
  find(why: Wish, told: AlternativeAddresses | undefined): Uint8Array | 'later' | undefined {
    const udp = this.#udp ?? parseEndpoint(told?.udp ?? '');
    const url = this.#target.webSocket ?? this.#allowed(told?.websocket);
    if (why !== 'better' && url !== undefined) this.#search(async () => this.#open(url));
    if (udp !== undefined) return udp;
    const { udp: target } = this.#target;
    if (target !== undefined) this.#search(async () => this.#resolve(target));
    return this.#searches > 0 ? 'later' : undefined;
  }

  #search(find: () => Promise<Uint8Array>): void {
    if (this.#searches > 1) return;
    this.#searches++;
    find().then(
      (address) => {
        this.#searches--;
        this.#session.tryPath(address);
      },
      () => {
        if (--this.#searches === 0) this.#session.onNothingFound();
      },
    );
  }

  async #resolve({ host, port }: NonNullable<ConnectTarget['udp']>): Promise<Uint8Array> {
    const { octets } = await resolveRemote(host, port, this.#node.bound.family);
    return (this.#udp = octets);
  }

  async #open(url: string): Promise<Uint8Array> {
    return (await this.#node.webSockets()).open(url, this.#tls, OPEN_TIMEOUT_MS);
  }

  #allowed(url: string | undefined): string | undefined {
    const { udp, webSocket } = this.#target;
    if (url === undefined || !/^wss?:/i.test(url) || !URL.canParse(url)) return undefined;
    const host = udp?.host ?? new URL(webSocket!).hostname;
    return new URL(url).hostname === (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host)
      ? url
      : undefined;
  }
}
