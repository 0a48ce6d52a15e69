import type { CryptoProvider } from '../ports/crypto.js';
import type { BoundAddress, PacketEngineEvents } from '../ports/packet-engine.js';
import type { JsPacketEngine } from '../engine/js-packet-engine.js';

export interface JsEngineOptions {
  readonly crypto: CryptoProvider;
  readonly events: PacketEngineEvents;
  /** IP address to bind; '::' is dual stack. */
  readonly host: string;
  /** 0 lets the operating system choose. */
  readonly port: number;
  /** Octets asked for; the operating system may give less. 4 MiB by default. */
  readonly receiveBufferOctets?: number;
  readonly sendBufferOctets?: number;
}

export interface OpenedJsEngine {
  readonly engine: JsPacketEngine;
  readonly boundAddress: BoundAddress;
}

/**
 * Binds a `dgram` socket and puts a pure-JS packet engine on it.
 * Rejects with the operating system's own error (EADDRINUSE, EACCES, EADDRNOTAVAIL, ...).
 */
export async function openJsEngine(options: JsEngineOptions): Promise<OpenedJsEngine> {
  throw new RangeError(`not yet ${options.host}`);
}
