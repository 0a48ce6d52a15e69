import { ControlType, MAX_DATAGRAM, PACKET_OVERHEAD, PacketFrame } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import { BlackHoleDetector } from './black-hole.js';
import { FrameLog } from './frame-log.js';
import { type MtuReduction, PathMtu } from './path-mtu.js';
import { SentFrame } from './sent-frame.js';
import type { MtuBounds, MtuFactory, MtuParts, MtuStats, SessionMtu } from './session-mtu.js';

/** A search is worth its packets once so many octets were sent on a path: short sessions and idle ones never search. */
const SEARCH_AFTER = 65_536;

/** A probe: a PING of a token nobody awaits, and PADDING, which is zeros. Made when the first one is sent. */
let probe: Uint8Array | undefined;
const LOG = new FrameLog();

/** Searches for the largest packet that the path in use carries, and notices when it carries less (STT §7). */
class SearchingMtu implements SessionMtu {
  readonly detector = new BlackHoleDetector();
  readonly #parts: MtuParts;
  readonly #bounds: MtuBounds;
  /** Undefined on paths whose packets are of a fixed size. */
  #mtu: PathMtu | undefined;
  /** `Outbox.octetsSent` from which on to search. */
  #searchFrom = Infinity;
  #probesSent = 0;
  #probesLost = 0;
  /** Of the paths before. */
  #reductions = 0;
  #lastReduction: MtuReduction = 'none';

  constructor(parts: MtuParts, bounds: MtuBounds) {
    this.#parts = parts;
    this.#bounds = bounds;
  }

  get stats(): MtuStats {
    const mtu = this.#mtu;
    const { packetSize } = this.#parts.outbox;
    return {
      packetSize,
      packetSizeState: mtu?.state ?? 'fixed',
      packetSizeLimit: mtu?.max ?? packetSize,
      packetSizeReductions: this.#reductions + (mtu?.reductions ?? 0),
      packetSizeReduction: mtu === undefined || mtu.reductions === 0 ? this.#lastReduction : mtu.lastReduction,
      mtuProbesSent: this.#probesSent,
      mtuProbesLost: this.#probesLost,
    };
  }

  onPath(initial: number, path: number): void {
    const { packetSizeReductions, packetSizeReduction } = this.stats;
    this.#reductions = packetSizeReductions;
    this.#lastReduction = packetSizeReduction;
    const { outbox } = this.#parts;
    const limit = this.#limit(path);
    this.#mtu = limit === 0 ? undefined : new PathMtu(initial, limit);
    this.#searchFrom = outbox.octetsSent + SEARCH_AFTER;
    this.detector.restart(initial, outbox.nextNumber);
  }

  poll(now: number, sink: PacketSink): boolean {
    const mtu = this.#mtu;
    if (mtu === undefined) return true;
    const { outbox, recovery } = this.#parts;
    if (this.detector.isFound) mtu.fall(now, 'black-hole');
    if (mtu.size !== outbox.packetSize) this.#apply(mtu.size);
    // While the peer is silent every packet is lost, whatever its size.
    if (outbox.octetsSent < this.#searchFrom || recovery.ptoCount > 0 || !mtu.isDue(now)) return true;
    const size = mtu.next(now, recovery.congestionWindow);
    if (mtu.state === 'complete') this.#searchFrom = outbox.octetsSent + SEARCH_AFTER;
    return size === 0 || this.#send(mtu, now, sink, size);
  }

  onProbeFate(id: number, isAcked: boolean): void {
    if (!isAcked) this.#probesLost++;
    const mtu = this.#mtu;
    // It may be one of another path, or of a search that a fall has ended.
    if (mtu === undefined || mtu.probe === 0 || id !== this.#probesSent) return;
    if (isAcked) mtu.onProbeAcked();
    else mtu.onProbeLost();
  }

  onSilence(now: number): void {
    this.#mtu?.fall(now, 'silence');
  }

  onRefused(now: number, octets: number): void {
    this.#mtu?.onRefused(now, octets);
  }

  /** Largest packet to be tried on a path, 0 where packets are of a fixed size. */
  #limit(path: number): number {
    const { pathHost, initialPacketSize, maxPacketSize } = this.#bounds;
    if (pathHost?.isConnection(path) === true) return 0;
    return Math.max(initialPacketSize, Math.min(maxPacketSize, pathHost?.probeLimit(path) ?? MAX_DATAGRAM));
  }

  #apply(size: number): void {
    const { outbox, recovery } = this.#parts;
    const isSmaller = size < outbox.packetSize;
    outbox.packetSize = size;
    recovery.onPacketSize(size);
    if (isSmaller) {
      this.#searchFrom = 0;
      this.detector.restart(size, outbox.nextNumber);
      this.#parts.onSmallerPackets();
    } else this.detector.onRaised(size);
  }

  #send(mtu: PathMtu, now: number, sink: PacketSink, size: number): boolean {
    if (probe === undefined) {
      probe = new Uint8Array(MAX_DATAGRAM);
      probe[0] = PacketFrame.CONTROL;
      probe[1] = ControlType.PING;
    }
    const id = this.#probesSent + 1;
    LOG.clear();
    LOG.ackEliciting = true;
    LOG.add(SentFrame.MTU_PROBE, size, id, 0);
    if (!this.#parts.outbox.packet(now, sink, probe, size - PACKET_OVERHEAD, LOG)) return false;
    this.#probesSent = id;
    mtu.onProbeSent(size);
    return true;
  }
}

/** For sessions over paths whose MTU is to be found. */
export const searchingMtu: MtuFactory = (parts, bounds) => new SearchingMtu(parts, bounds);
