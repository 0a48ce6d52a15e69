import type { BlackHoleDetector } from './black-hole.js';
import type { CongestionAlgorithm } from './congestion/controller.js';
import type { Random } from '../ports/random.js';
import type { PacketNumbers } from './packet-numbers.js';
import type { SentFrameObserver } from './sent-frame.js';

export interface LossRecoveryOptions {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly observer: SentFrameObserver;
  readonly numbers: PacketNumbers;
  readonly congestion: CongestionAlgorithm;
  /** For the algorithm. */
  readonly random: Random;
  /** UDP payload of a full packet. */
  readonly packetSize: number;
  /** The peer's max_ack_delay_ms. */
  readonly peerMaxAckDelayMs: number;
  /** RTT of the handshake, if its HELLO was sent once (STT §7). */
  readonly handshakeRttMs?: number;
  /** The path in use, any number that tells paths apart. */
  readonly path: number;
  /** Its packets may be marked for ECN; else, or on other paths whose profile forbids it, they are not. */
  readonly ecn?: boolean | undefined;
  /** Learns which sizes arrive on the path in use and which get lost. */
  readonly detector?: BlackHoleDetector | undefined;
}
