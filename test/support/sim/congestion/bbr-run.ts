import { Bbr, BbrState } from '../../../../lib/protocol/congestion/bbr.js';
import { Bottleneck } from './bottleneck.js';
import { BulkFlow } from './bulk-flow.js';
import { RandomLosses } from './losses.js';

export interface BbrRunOptions {
  /** Of the link, octets per ms. */
  readonly rate: number;
  readonly rttMs: number;
  readonly queueBdp?: number;
  readonly loss?: number;
  readonly batchMs?: number;
  readonly seed?: number;
}

const NAMES = Object.fromEntries(Object.entries(BbrState).map(([name, state]) => [state, name]));

/** One BBR flow over a link, with what it goes through. */
export class BbrRun {
  readonly bbr: Bbr;
  readonly flow: BulkFlow;
  readonly link: Bottleneck;
  /** Names of the states, in the order they were entered. */
  readonly states: string[] = [];
  now = 0;

  constructor({ rate, rttMs, queueBdp = 1, loss = 0, batchMs, seed = 1 }: BbrRunOptions) {
    this.link = new Bottleneck(rate, queueBdp * rate * rttMs);
    let bbr: Bbr | undefined;
    this.flow = new BulkFlow({
      algorithm: (packetSize, random) => (bbr = new Bbr(packetSize, random)),
      bottleneck: this.link,
      losses: new RandomLosses(loss, seed),
      rttMs,
      packetSize: 1200,
      seed,
      start: 0,
      ...(batchMs === undefined ? {} : { batchMs }),
    });
    this.bbr = bbr!;
    this.states.push(this.state);
  }

  get state(): string {
    return NAMES[this.bbr.state]!;
  }

  /** What happens next. */
  step(): void {
    this.now = Math.max(this.now, this.flow.next());
    this.flow.step(this.now);
    if (this.states.at(-1) !== this.state) this.states.push(this.state);
  }

  run(ms: number): void {
    const end = this.now + ms;
    while (this.flow.next() <= end) this.step();
    this.now = end;
  }

  /** Runs until something is true. */
  until(what: string, done: () => boolean, limitMs = 20_000): void {
    const end = this.now + limitMs;
    while (!done()) {
      if (this.flow.next() > end) throw new Error(`${what}: not within ${limitMs} ms; ${this.states.join(' ')}`);
      this.step();
    }
  }

  /** Runs until the state is another; the one after may be passed through at once. */
  leave(state: string, limitMs?: number): void {
    this.until(`leaving ${state}`, () => this.state !== state, limitMs);
  }

  /** Runs until a state is entered, anew if it is in it. */
  enter(state: string, limitMs?: number): void {
    const from = this.states.length;
    this.until(`entering ${state}`, () => this.states.length > from && this.state === state, limitMs);
  }
}
