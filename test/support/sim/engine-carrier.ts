import { StatelessResets, strayId } from '../../../lib/api/stateless-resets.js';
import { JsPacketEngine } from '../../../lib/engine/js-packet-engine.js';
import { NativePacketEngine } from '../../../lib/native/packet-engine.js';
import {
  ADDRESS_OCTETS,
  Group,
  GROUP_WORDS,
  Row,
  ROW_WORDS,
  RowFlag,
  RowType,
  type PacketEngine,
  type PacketEngineEvents,
  type PhaseKeys,
  type SessionKeys,
} from '../../../lib/ports/packet-engine.js';
import { handleStreamRun } from '../../../lib/protocol/datagram-rows.js';
import type { Session } from '../../../lib/protocol/session.js';
import { ADDRESS_A, testCrypto } from '../engine-harness.js';
import type { Carrier } from './carrier.js';

const HIGH = 0x100000000;

/** A packet engine without a socket, and how to take out what it sealed. */
export interface BareEngine {
  readonly engine: PacketEngine;
  flush(send: (datagram: Uint8Array) => void): void;
}

function bareJsEngine(events: PacketEngineEvents): BareEngine {
  let send: (datagram: Uint8Array) => void = () => {};
  const engine = new JsPacketEngine({
    crypto: testCrypto,
    events,
    output: {
      canMark: false,
      receiveBufferOctets: 0,
      sendBufferOctets: 0,
      send: (_address, bytes, begin, end) => {
        send(bytes.slice(begin, end));
        return true;
      },
      close: () => Promise.resolve(),
    },
  });
  return {
    engine,
    flush(to) {
      send = to;
      engine.flush();
    },
  };
}

export function bareNativeEngine(events: PacketEngineEvents): BareEngine {
  const engine = NativePacketEngine.withoutSocket(events);
  return {
    engine,
    flush: (send) => {
      for (const { datagram } of engine.takeSealed()) send(datagram);
    },
  };
}

/** The packets of a session sealed and opened by a packet engine: slower than `PlainCarrier`, but the real thing. */
export class EngineCarrier implements Carrier, PacketEngineEvents {
  /** The peer says that it knows nothing of the session. */
  onReset: (now: number) => void = () => {};
  readonly #make: (events: PacketEngineEvents) => BareEngine;
  #engine: PacketEngine;
  #flush: BareEngine['flush'];
  #resets: StatelessResets | undefined;
  readonly #slot: number;
  readonly #path: number;
  #session: Session | undefined;
  #now = 0;

  constructor(keys: SessionKeys, make: (events: PacketEngineEvents) => BareEngine = bareJsEngine) {
    this.#make = make;
    const { engine, flush } = make(this);
    this.#engine = engine;
    this.#flush = flush;
    this.#slot = engine.openSession(keys);
    this.#path = engine.openPath(ADDRESS_A);
  }

  /** What a process does that was started anew: it knows no session, and says so as its key of resets allows. */
  restart(resetKey: Uint8Array): void {
    const { engine, flush } = this.#make(this);
    this.#engine = engine;
    this.#flush = flush;
    this.#resets = new StatelessResets(testCrypto, resetKey);
    this.#resets.start(engine);
  }

  setResetToken(token: Uint8Array): void {
    this.#engine.setResetToken(this.#slot, token);
  }

  /** Lets timers go. */
  stop(): void {
    this.#resets?.stop();
  }

  get stats() {
    return this.#engine.stats();
  }

  sealStreamRun(
    pn: number,
    streamId: number,
    offset: number,
    fin: boolean,
    chunk: Uint8Array,
    begin: number,
    end: number,
    payload: number,
  ): number {
    return this.#engine.sealStreamRun(this.#slot, this.#path, pn, streamId, offset, fin, chunk, begin, end, payload);
  }

  sealFrames(pn: number, frames: Uint8Array, begin: number, end: number): boolean {
    return this.#engine.sealFrames(this.#slot, this.#path, pn, frames, begin, end);
  }

  installNextKeys(send: PhaseKeys, receive: PhaseKeys): boolean {
    return this.#engine.installNextKeys(this.#slot, send, receive);
  }

  switchSendKeys(): void {
    this.#engine.switchSendKeys(this.#slot);
  }

  dropOldKeys(): void {
    this.#engine.dropOldKeys(this.#slot);
  }

  flush(send: (datagram: Uint8Array) => void): void {
    this.#flush(send);
  }

  receive(now: number, datagrams: readonly Uint8Array[], session: Session): void {
    this.#now = now;
    this.#session = session;
    for (const datagram of datagrams) this.#engine.receive(datagram, ADDRESS_A);
    this.#engine.deliver();
  }

  onBatch(rowCount: number, groupCount: number): void {
    const { rows, groups, slab } = this.#engine;
    const session = this.#session!;
    let group = -1;
    for (let index = 0; index < rowCount; index++) {
      while (group + 1 < groupCount && groups[(group + 1) * GROUP_WORDS + Group.FIRST_ROW]! <= index) group++;
      const path = groups[group * GROUP_WORDS + Group.PATH]!;
      const marks = groups[group * GROUP_WORDS + Group.MARKS]!;
      const at = index * ROW_WORDS;
      const head = rows[at + Row.HEAD]!;
      const flags = (head >>> 8) & 0xff;
      const pn = rows[at + Row.PN_HI]! * HIGH + rows[at + Row.PN_LO]!;
      const begin = rows[at + Row.BEGIN]!;
      const length = rows[at + Row.LENGTH]!;
      if ((head & 0xff) === RowType.STREAM) {
        handleStreamRun(
          session,
          this.#now,
          path,
          marks,
          pn,
          head >>> 16,
          rows[at + Row.STREAM_ID]!,
          rows[at + Row.OFFSET_HI]! * HIGH + rows[at + Row.OFFSET_LO]!,
          (flags & RowFlag.END) !== 0,
          slab,
          begin,
          length,
        );
      } else if ((head & 0xff) === RowType.FRAMES) {
        session.handleFrames(this.#now, path, marks, pn, (flags & RowFlag.REST) !== 0, slab, begin, length);
      } else if ((head & 0xff) === RowType.RESET) {
        this.onReset(this.#now);
      } else if ((head & 0xff) === RowType.STRAY) {
        const id = strayId(slab, begin);
        this.#resets?.onStray(id, rows[at + Row.STREAM_ID]!, slab.subarray(begin - ADDRESS_OCTETS, begin));
      } else throw new Error(`a row of type ${head & 0xff}`);
    }
  }

  onWritable(): void {}

  onError(error: Error): void {
    throw error;
  }
}
