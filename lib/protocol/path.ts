/** Challenges to a path before it is given up (STT §7). */
export const TRIES = 3;
/** Octets sent to an address for each that came from it, until it is validated (RFC 9000 §8). */
export const AMPLIFICATION = 3;

/** A path that the session knows. */
export class Path {
  /** Octets of datagrams, either way: what the limit of 3x counts. */
  received = 0;
  sent = 0;
  /** Its address has shown that it receives what is sent there. */
  validated = false;
  /** Tokens of the challenges that are out, as pairs of u32. */
  tokens: number[] | undefined;
  /** Challenges that may still be drawn. */
  tries = 0;
  /** When the next challenge is due, or, with none left, the path is given up. */
  due = Infinity;

  constructor(
    readonly id: number,
    readonly isConnection: boolean,
  ) {}

  get isChallenged(): boolean {
    return this.due !== Infinity;
  }

  /** Octets that may be sent there now. */
  get budget(): number {
    return this.validated || this.isConnection ? Infinity : AMPLIFICATION * this.received - this.sent;
  }

  challenge(now: number): void {
    this.tokens = undefined;
    this.tries = TRIES;
    this.due = now;
  }

  settle(): void {
    this.tokens = undefined;
    this.tries = 0;
    this.due = Infinity;
  }

  /** A PATH_RESPONSE to one of the challenges that are out. */
  isAnswer(high: number, low: number): boolean {
    const tokens = this.tokens ?? [];
    for (let i = 0; i < tokens.length; i += 2) if (tokens[i] === high && tokens[i + 1] === low) return true;
    return false;
  }
}
