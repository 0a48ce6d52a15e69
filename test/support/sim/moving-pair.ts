import type { PathHost, Wish } from '../../../lib/ports/path-host.js';
import { movingPaths } from '../../../lib/protocol/paths.js';
import { Pair, type PairOptions } from './pair.js';
import { PATH_AT, PlainCarrier } from './plain-carrier.js';

/** Addresses are numbers, and so are paths: the host in the upper bits, the port in the lower four. */
const PORT_BITS = 4;
export const CLIENT = 1 << PORT_BITS;
export const SERVER = 2 << PORT_BITS;

/** What one side knows of paths. */
export class SimPathHost implements PathHost {
  /** Paths that are kept beside the first one. */
  readonly kept = new Map<number, number>();
  readonly changes: number[] = [];
  /** Most paths kept at once. */
  peak = 0;
  alternative: number | 'later' | undefined;
  /** Paths that are connections. */
  readonly connections = new Set<number>();
  /** Largest sizes to try, where that is not all. */
  readonly probeLimits = new Map<number, number>();
  readonly wishes: Wish[] = [];
  stranded = false;
  readonly #carrier: PlainCarrier;

  constructor(carrier: PlainCarrier) {
    this.#carrier = carrier;
  }

  keepPath(path: number): boolean {
    this.kept.set(path, (this.kept.get(path) ?? 0) + 1);
    this.peak = Math.max(this.peak, this.kept.size);
    return true;
  }

  releasePath(path: number): void {
    const count = (this.kept.get(path) ?? 1) - 1;
    if (count > 0) this.kept.set(path, count);
    else this.kept.delete(path);
  }

  isSameHost(a: number, b: number): boolean {
    return a >> PORT_BITS === b >> PORT_BITS;
  }

  isConnection(path: number): boolean {
    return this.connections.has(path);
  }

  probeLimit(path: number): number {
    return this.connections.has(path) ? 0 : (this.probeLimits.get(path) ?? 65_507);
  }

  alternativePath(why: Wish): number | 'later' | undefined {
    this.wishes.push(why);
    if (typeof this.alternative === 'number') this.keepPath(this.alternative);
    return this.alternative;
  }

  onStranded(): void {
    this.stranded = true;
  }

  onPathChanged(path: number): void {
    this.changes.push(path);
    this.#carrier.mark(false);
    this.#carrier.path = path;
  }
}

/** Two sessions whose addresses may change, and what stands between them. */
export class MovingPair extends Pair {
  /** Where the client is seen, and where the server is. Others reach nobody. */
  clientAddress = CLIENT;
  serverAddress = SERVER;
  readonly clientPaths: SimPathHost;
  readonly serverPaths: SimPathHost;
  /** Sees a datagram on its way to the server, or from it; true: it is taken off. */
  tapThere: (datagram: Uint8Array, source: number) => boolean = () => false;
  tapBack: (datagram: Uint8Array, destination: number) => boolean = () => false;

  /** `connections`: addresses that are connections. The session begins on `server`, seen there as `client`. */
  constructor(options: PairOptions & { connections?: number[]; client0?: number; server0?: number } = {}) {
    const { connections = [], client0 = CLIENT, server0 = SERVER } = options;
    const carriers = { client: new PlainCarrier(), server: new PlainCarrier() };
    carriers.client.path = server0;
    carriers.server.path = client0;
    // What is sent before there is anything to send by comes from the client's first address.
    const { flush } = carriers.client;
    let isBuilt = false;
    carriers.client.flush = (send) =>
      flush.call(carriers.client, (datagram) => {
        if (!isBuilt) datagram[PATH_AT] = client0;
        send(datagram);
      });
    const clientPaths = new SimPathHost(carriers.client);
    const serverPaths = new SimPathHost(carriers.server);
    for (const address of connections) {
      clientPaths.connections.add(address);
      serverPaths.connections.add(address);
    }
    super({
      ...options,
      client: {
        ...options.client,
        carrier: carriers.client,
        config: { ...options.client?.config, path: server0, paths: movingPaths, pathHost: clientPaths },
      },
      server: {
        ...options.server,
        carrier: carriers.server,
        config: { ...options.server?.config, path: client0, paths: movingPaths, pathHost: serverPaths },
      },
    });
    isBuilt = true;
    this.clientPaths = clientPaths;
    this.serverPaths = serverPaths;
    this.client.send = (datagram) => {
      if (datagram[PATH_AT] !== this.serverAddress) return;
      if (!this.tapThere(datagram, this.clientAddress)) this.toServer(datagram, this.clientAddress);
    };
    this.server.send = (datagram) => {
      const destination = datagram[PATH_AT]!;
      if (this.tapBack(datagram, destination) || destination !== this.clientAddress) return;
      this.toClient(datagram);
    };
  }

  /** A datagram from an address to the server. */
  toServer(datagram: Uint8Array, source: number): void {
    const copy = datagram.slice();
    copy[PATH_AT] = source;
    this.there.send(copy);
  }

  toClient(datagram: Uint8Array): void {
    const copy = datagram.slice();
    copy[PATH_AT] = this.serverAddress;
    this.back.send(copy);
  }
}
