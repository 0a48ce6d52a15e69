import type { SessionObserver } from '../../../lib/ports/session-observer.js';
import { Session, type SessionConfig } from '../../../lib/protocol/session.js';
import type { Carrier } from './carrier.js';
import type { VirtualTime } from './virtual-time.js';

/** A session, what carries it, and the loop that drives it, on virtual time. */
export class Endpoint<Observer extends SessionObserver = SessionObserver> {
  readonly session: Session;
  readonly app: Observer;
  readonly carrier: Carrier;
  /** Where datagrams go. */
  send: (datagram: Uint8Array) => void = () => {};
  readonly #time: VirtualTime;
  #arrived: Uint8Array[] = [];
  #timerAt = Infinity;
  #timerNumber = 0;

  constructor(time: VirtualTime, carrier: Carrier, app: Observer, config: Omit<SessionConfig, 'now' | 'observer'>) {
    this.#time = time;
    this.carrier = carrier;
    this.app = app;
    this.session = new Session({ ...config, now: time.now, observer: app });
  }

  /** A datagram arrives. All that arrive within one moment make one batch. */
  readonly receive = (datagram: Uint8Array): void => {
    this.#arrived.push(datagram);
    if (this.#arrived.length === 1) this.#time.at(this.#time.now, () => this.#onBatch());
  };

  /** Sends what there is to send: to be called after calls of the application. */
  pump(): void {
    const now = this.#time.now;
    // A full transmit buffer is flushed and the rest comes in the next round, as with a socket that keeps up.
    for (let before = -1; before !== this.session.stats().packetsSent;) {
      before = this.session.stats().packetsSent;
      this.session.pollTransmit(now, this.carrier);
      this.carrier.flush(this.send);
    }
    this.#arm();
  }

  #onBatch(): void {
    const datagrams = this.#arrived;
    this.#arrived = [];
    const now = this.#time.now;
    this.carrier.receive(now, datagrams, this.session);
    this.session.handleBatchEnd(now);
    this.pump();
  }

  /** A timer that fires too early is cheaper than a new one for every packet. */
  #arm(): void {
    const at = this.session.pollTimeout();
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    const number = ++this.#timerNumber;
    this.#time.at(at, () => {
      if (number !== this.#timerNumber) return;
      this.#timerAt = Infinity;
      this.session.handleTimeout(this.#time.now);
      this.pump();
    });
  }
}
