/** One of two ways to the same end. */
export interface Contender<T> {
  /** Sets out. The promise rejects when the way fails, and when the signal aborts it. */
  start(signal: AbortSignal): Promise<T>;
  /** Takes back what came out of it and is not wanted. */
  discard(result: T): void;
  /** Why a result that waited is of no use any more, if that is so. */
  fault?(result: T): Error | undefined;
}

export interface RaceOptions {
  /** How long the preferred way is alone, unless it fails before. */
  readonly headStartMs: number;
  /** How much later than the other one the preferred way may arrive and is still taken. */
  readonly graceMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Calls after so many milliseconds; gives what cancels it. */
  readonly after?: (ms: number, call: () => void) => () => void;
}

/**
 * Goes two ways at once, the preferred one with a head start (RFC 8305 §5), and gives the result of the better one that
 * leads there. The loser is aborted, and what it brings nevertheless is discarded. Rejects with an AggregateError of
 * both failures, the preferred way's first, or with the reason of the signal.
 */
export function raceWithHeadStart<T>(preferred: Contender<T>, other: Contender<T>, options: RaceOptions): Promise<T> {
  return new Promise((resolve, reject) => new Race(preferred, other, options, resolve, reject).begin());
}

function afterTimeout(ms: number, call: () => void): () => void {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
}

class Race<T> {
  readonly #preferred: Contender<T>;
  readonly #other: Contender<T>;
  readonly #options: RaceOptions;
  readonly #resolve: (result: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #aborts = [new AbortController(), new AbortController()] as const;
  #preferredFailure: { readonly error: unknown } | undefined;
  #otherFailure: { readonly error: unknown } | undefined;
  #otherStarted = false;
  /** The other way arrived, and gives the preferred one its grace. */
  #waiting: { readonly result: T } | undefined;
  #cancelTimer: () => void = () => {};
  #over = false;

  constructor(
    preferred: Contender<T>,
    other: Contender<T>,
    options: RaceOptions,
    resolve: (result: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.#preferred = preferred;
    this.#other = other;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { signal, headStartMs } = this.#options;
    if (signal?.aborted === true) {
      this.#over = true;
      this.#reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#timer(headStartMs, () => this.#startOther());
    this.#run(
      this.#preferred,
      this.#aborts[0],
      (result) => this.#win(result),
      (error) => {
        this.#preferredFailure = { error };
        if (this.#waiting !== undefined) this.#settleForOther();
        else this.#startOther();
        this.#failIfBoth();
      },
    );
  }

  #startOther(): void {
    if (this.#otherStarted) return;
    this.#otherStarted = true;
    this.#cancelTimer();
    this.#run(
      this.#other,
      this.#aborts[1],
      (result) => {
        this.#waiting = { result };
        if (this.#preferredFailure !== undefined) this.#settleForOther();
        else this.#timer(this.#options.graceMs, () => this.#settleForOther());
      },
      (error) => {
        this.#otherFailure = { error };
        this.#failIfBoth();
      },
    );
  }

  #run(
    way: Contender<T>,
    abort: AbortController,
    onResult: (result: T) => void,
    onFailure: (error: unknown) => void,
  ): void {
    // In an async function, so that what is thrown at once is a failure like any other.
    const started = (async () => way.start(abort.signal))();
    started.then(
      (result) => (this.#over ? way.discard(result) : onResult(result)),
      (error: unknown) => {
        if (!this.#over) onFailure(error);
      },
    );
  }

  /** The preferred way had its time. */
  #settleForOther(): void {
    const { result } = this.#waiting!;
    const error = this.#other.fault?.(result);
    if (error === undefined) {
      this.#waiting = undefined;
      this.#win(result);
      return;
    }
    this.#dropWaiting();
    this.#otherFailure = { error };
    this.#failIfBoth();
  }

  #dropWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#other.discard(waiting.result);
  }

  #win(result: T): void {
    this.#end();
    this.#resolve(result);
  }

  #failIfBoth(): void {
    if (this.#over || this.#preferredFailure === undefined || this.#otherFailure === undefined) return;
    this.#end();
    this.#reject(new AggregateError([this.#preferredFailure.error, this.#otherFailure.error]));
  }

  readonly #onAbort = (): void => {
    this.#end();
    this.#reject(this.#options.signal!.reason);
  };

  #end(): void {
    this.#over = true;
    this.#cancelTimer();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    for (const abort of this.#aborts) abort.abort();
    this.#dropWaiting();
  }

  #timer(ms: number, call: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = (this.#options.after ?? afterTimeout)(ms, call);
  }
}
