import type { Random } from '../ports/random.js';

/** Gives out packet numbers and skips one at random every so often (STT §5), so that an ACK of what was not received shows. */
export class PacketNumbers {
  constructor(_random: Random) {}

  /** The number of the next packet; larger than every number given out, and never a skipped one. */
  get next(): number {
    return 0;
  }

  /** How many consecutive numbers, `max` at most, begin at `next`. At least 1 unless `max` is 0. */
  run(max: number): number {
    return max;
  }

  /** `count` packets (<= `run(count)`) were sealed, from `next` on. */
  take(_count: number): void {}

  wasSkipped(_pn: number): boolean {
    return false;
  }
}
