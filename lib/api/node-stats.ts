import type { PacketEngineStats } from '../ports/packet-engine.js';
import type { ResponderStats } from '../protocol/handshake/handshake-responder.js';

/** A snapshot of a node. Counters run since `start()`. */
export interface NodeStats {
  /** Which implementation seals, opens and sends. */
  readonly backend: 'native' | 'js';
  /** Why it is not the native one, if that was not asked for. */
  readonly backendReason: string | undefined;
  readonly running: boolean;
  /** Established sessions. */
  readonly sessions: number;
  /** Handshakes answered and waiting for the initiator's first packet. */
  readonly halfOpen: number;
  /** Own attempts to connect under way. */
  readonly dialing: number;
  /** What became of the HELLOs whose mac1 fitted a seed; undefined before `start()`. */
  readonly handshakes: ResponderStats | undefined;
  /** Messages waiting in `receive()`, and dropped because they were too many. */
  readonly messagesQueued: number;
  readonly messagesDropped: number;
  /** The socket and its packet engine, field by field as `PacketEngineStats` says; undefined before `start()`. */
  readonly engine: PacketEngineStats | undefined;
}
