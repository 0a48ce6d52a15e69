import type { PacketSink } from '../ports/packet-sink.js';
import type { Outbox } from './outbox.js';
import * as Outcome from './outcome.js';
import type { Recovery, Runs } from './sending.js';
import type { SessionMtu } from './session-mtu.js';
import type { SessionPaths } from './session-paths.js';
import type { SinglePackets } from './single-packets.js';
import type { Streams } from './streams.js';

/** Order of what is sent: probes, then in turn what shares a packet and a run of the bulk of a stream. */
export class Transmitter {
  readonly #recovery: Recovery;
  readonly #outbox: Outbox;
  readonly #paths: SessionPaths;
  readonly #mtu: SessionMtu;
  readonly #singles: SinglePackets;
  readonly #runs: Runs | undefined;
  readonly #streams: Streams;

  constructor(
    recovery: Recovery,
    outbox: Outbox,
    paths: SessionPaths,
    mtu: SessionMtu,
    singles: SinglePackets,
    runs: Runs | undefined,
    streams: Streams,
  ) {
    this.#streams = streams;
    this.#recovery = recovery;
    this.#outbox = outbox;
    this.#paths = paths;
    this.#mtu = mtu;
    this.#singles = singles;
    this.#runs = runs;
  }

  /** Sends until nothing is left, congestion control or pacing holds it, or the sink is full. */
  poll(now: number, sink: PacketSink): void {
    this.#outbox.clearPaceDeadline();
    const { ecn } = this.#recovery;
    if (ecn !== undefined) sink.mark?.(ecn.decide());
    if (!this.#paths.poll(now, sink) || this.#paths.isStranded) return;
    if (!this.#mtu.poll(now, sink)) return;
    while (this.#recovery.probesToSend > 0) {
      if (this.#singles.probe(now, sink) === Outcome.REFUSED) return;
    }
    // A writer that is told of room may end the session.
    while (this.#streams.live) {
      const single = this.#singles.send(now, sink);
      if (single === Outcome.REFUSED) return;
      const run = this.#runs === undefined ? Outcome.NOTHING : this.#runs.send(now, sink);
      if (run === Outcome.REFUSED) return;
      if (single === Outcome.SENT || run === Outcome.SENT) continue;
      const isIdle = single === Outcome.NOTHING && run === Outcome.NOTHING;
      // A peer that gives no credit bounds the rate as a network does.
      if (isIdle && !this.#streams.scheduler.hasBlocked) this.#recovery.onAppLimited();
      return;
    }
  }
}
