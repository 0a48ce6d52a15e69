type Listener = (...args: never) => void;

/** Events as Node's `EventEmitter` has them, as far as STT uses them; browsers have none of that form. */
export class Emitter<Events extends Record<keyof Events, readonly unknown[]>> {
  readonly #listeners = new Map<keyof Events, Listener[]>();

  /** Calls `listener` at every event of that name, in the order in which listeners came. */
  on<Name extends keyof Events>(name: Name, listener: (...args: [...Events[Name]]) => void): this {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    return this;
  }

  /** Calls `listener` at the next event of that name only. */
  once<Name extends keyof Events>(name: Name, listener: (...args: [...Events[Name]]) => void): this {
    const wrapped = (...args: [...Events[Name]]): void => {
      this.#remove(name, wrapped);
      listener(...args);
    };
    originals.set(wrapped, listener);
    return this.on(name, wrapped);
  }

  /** Calls `listener` no more. */
  off<Name extends keyof Events>(name: Name, listener: (...args: [...Events[Name]]) => void): this {
    this.#remove(name, listener);
    return this;
  }

  /** How many listen for an event. */
  listenerCount(name: keyof Events): number {
    return this.#listeners.get(name)?.length ?? 0;
  }

  /** @internal Calls the listeners; what one throws goes to the caller. True if there was one. */
  emit<Name extends keyof Events>(name: Name, ...args: [...Events[Name]]): boolean {
    // The list at hand is never changed, only replaced: listeners may come and go meanwhile.
    const listeners = this.#listeners.get(name);
    for (const listener of listeners ?? []) (listener as unknown as (...args: [...Events[Name]]) => void)(...args);
    return listeners !== undefined;
  }

  #remove(name: keyof Events, listener: Listener): void {
    const listeners = this.#listeners.get(name) ?? [];
    const at = listeners.findLastIndex((one) => one === listener || originals.get(one) === listener);
    if (at < 0) return;
    if (listeners.length === 1) this.#listeners.delete(name);
    else this.#listeners.set(name, listeners.toSpliced(at, 1));
  }
}

/** What was given to `once`, for `off`. */
const originals = new WeakMap<Listener, Listener>();
