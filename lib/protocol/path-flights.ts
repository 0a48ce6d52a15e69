import type { BlackHoleDetector } from './black-hole.js';

/** What is in flight on one path. */
export class PathFlight {
  /** Largest packet number acknowledged of those sent here. */
  largestAcked = -1;
  /** Octets. */
  inFlight = 0;
  /** Ack-eliciting packets. */
  eliciting = 0;
  lastSent = -Infinity;
  /** When loss detection wants to look again. */
  lossTime = Infinity;
  /** While the path is in use: wants to know which sizes arrive. */
  detector: BlackHoleDetector | undefined;

  /**
   * @param id names the path
   * @param patience while the path is not in use: ms after the last packet until all are lost, as no later ones show it
   */
  constructor(
    readonly id: number,
    public patience: number,
  ) {}

  get isEmpty(): boolean {
    return this.eliciting === 0 && this.inFlight === 0;
  }

  /** Packets were acknowledged, the last one `pn`, the largest one of `size` octets. */
  onAcked(pn: number, size: number): void {
    if (pn > this.largestAcked) this.largestAcked = pn;
    this.detector?.onAcked(pn, size);
  }
}

/** The path in use, and those on which there are packets in flight. */
export class PathFlights {
  readonly #paths: PathFlight[];
  /** The path in use. */
  active: PathFlight;
  activeIndex = 0;

  constructor(id: number, detector: BlackHoleDetector | undefined) {
    this.active = new PathFlight(id, Infinity);
    this.active.detector = detector;
    this.#paths = [this.active];
  }

  get all(): readonly PathFlight[] {
    return this.#paths;
  }

  at(index: number): PathFlight {
    return this.#paths[index]!;
  }

  /** Index of a path, which is made if it is new: in place of one with nothing in flight, so that the session's bound on paths holds here too. */
  indexOf(id: number, patience: number): number {
    let free = this.#paths.length;
    for (let i = 0; i < this.#paths.length; i++) {
      const path = this.#paths[i]!;
      if (path.id === id) return i;
      if (path !== this.active && path.isEmpty) free = i;
    }
    this.#paths[free] = new PathFlight(id, patience);
    return free;
  }

  /** Puts another path in use; what is in flight on the old one is given `patience`. */
  use(id: number, patience: number): void {
    const index = this.indexOf(id, patience);
    const { detector } = this.active;
    this.active.patience = patience;
    this.active.detector = undefined;
    this.active = this.#paths[index]!;
    this.activeIndex = index;
    this.active.patience = Infinity;
    this.active.detector = detector;
  }
}
