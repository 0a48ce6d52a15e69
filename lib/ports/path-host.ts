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
  /** Nothing comes back on the path in use: another one to try, kept already, or undefined. */
  alternativePath(): number | undefined;
  /** Packets go over `path` from now on. */
  onPathChanged(path: number): void;
}

/** Where else a node can be reached (STT §6, ALT_ADDRESS). */
export interface AlternativeAddresses {
  /** A UDP endpoint: an IP address with a port, as in `192.0.2.1:4433` or `[2001:db8::1]:4433`. */
  readonly udp?: string;
  /** URL of a WebSocket endpoint. */
  readonly websocket?: string;
}
