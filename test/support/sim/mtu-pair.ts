import { PACKET_OVERHEAD, ControlType, PacketFrame } from '../../../lib/constants.js';
import { searchingMtu } from '../../../lib/protocol/searching-mtu.js';
import type { SessionConfig } from '../../../lib/protocol/session.js';
import type { SessionStats } from '../../../lib/protocol/session-stats.js';
import { Pair, type PairOptions } from './pair.js';

/** Configuration of a side that searches. */
export const SEARCH: Pick<SessionConfig, 'mtu' | 'maxPacketSize'> = { mtu: searchingMtu, maxPacketSize: 65_507 };

/** Two sessions that search for the MTU of the path between them, over packets of `PlainCarrier`. */
export class MtuPair extends Pair {
  /** Size of the largest datagram of the client that was no probe; may be set back. */
  largestData = 0;
  /** Datagrams of the client that were no probes, and larger than 1,200 octets and than all probes that got through. */
  unconfirmed = 0;
  #confirmed = 1200;
  /** Sizes of the probes of the client in the order in which they were sent. */
  readonly probes: number[] = [];
  /** UDP payload that the path carries, both ways. */
  #mtu: number;
  /** Which probes of the client to lose beside those that are too large. */
  losesProbe: (size: number, now: number) => boolean = () => false;

  constructor(mtu: number, options: PairOptions = {}) {
    super({
      ...options,
      client: { ...options.client, config: { ...SEARCH, ...options.client?.config } },
      server: { ...options.server, config: { ...SEARCH, ...options.server?.config } },
    });
    this.#mtu = mtu;
    this.there.filter = (datagram, now) => {
      const size = datagram.length;
      if (!isProbe(datagram)) {
        this.largestData = Math.max(this.largestData, size);
        if (size > this.#confirmed) this.unconfirmed++;
        return size <= this.#mtu;
      }
      this.probes.push(size);
      if (size > this.#mtu || this.losesProbe(size, now)) return false;
      this.#confirmed = Math.max(this.#confirmed, size);
      return true;
    };
    this.back.filter = (datagram) => datagram.length <= this.#mtu;
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** Another path carries the datagrams from now on. */
  set mtu(octets: number) {
    this.#mtu = octets;
  }

  get stats(): SessionStats {
    return this.client.session.stats();
  }
}

/** A PING with nothing but PADDING behind it, larger than what every path carries. */
function isProbe(datagram: Uint8Array): boolean {
  return (
    datagram.length > 1200 &&
    datagram[PACKET_OVERHEAD] === PacketFrame.CONTROL &&
    datagram[PACKET_OVERHEAD + 1] === ControlType.PING &&
    datagram[datagram.length - 1] === 0 &&
    datagram.subarray(PACKET_OVERHEAD + 2).every((octet) => octet === 0)
  );
}
