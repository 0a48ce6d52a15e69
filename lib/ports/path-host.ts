/**
 * What a session cannot know of its paths, which are numbers to it: addresses, and who counts their use. Without a host
 * a session stays on the path it began on.
 */
export interface PathHost {
  /** Keeps a path that a packet came in on until `releasePath`. False: it is gone, or not to be used. */
  keepPath(path: number): boolean;
  releasePath(path: number): void;
  /** The addresses of two paths differ in their ports at most. */
  isSameHost(a: number, b: number): boolean;
  /** The path is a connection: it loses nothing, carries any size, and has congestion control of its own (STT §10). */
  isConnection(path: number): boolean;
  /**
   * Largest datagram, in octets, of which it can be found out whether the path carries it; 0 where the system would cut
   * large ones up in place of losing them.
   */
  probeLimit(path: number): number;
  /**
   * Another path to try, kept already; or 'later' if one may be given to `Session.tryPath`, or the peer may come by one;
   * undefined if there is none.
   */
  alternativePath(why: Wish): number | 'later' | undefined;
  /** The last path broke, and none came in its place. */
  onStranded(): void;
  /** Packets go over `path` from now on. */
  onPathChanged(path: number): void;
}

/**
 * Why another path is sought: the one in use is a connection, and a UDP address may be `'better'`; nothing comes back on
 * it, it is `'silent'`; or it broke, and is `'gone'`.
 */
export type Wish = 'better' | 'silent' | 'gone';

/** Who knows where else the peer of a session may be. */
export interface PathFinding {
  /** An address (ADDRESS_OCTETS); 'later' if one may be found; undefined if there is none. `told`: what the peer told. */
  find(why: Wish, told: AlternativeAddresses | undefined): Uint8Array | 'later' | undefined;
}

/** Where else a node can be reached (STT §6, ALT_ADDRESS). */
export interface AlternativeAddresses {
  /** A UDP endpoint: an IP address with a port, as in `192.0.2.1:4433` or `[2001:db8::1]:4433`. */
  readonly udp?: string;
  /** URL of a WebSocket endpoint. */
  readonly websocket?: string;
}
