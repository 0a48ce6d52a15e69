import { ADDRESS_OCTETS, type PacketEngine, type PacketEngineEvents } from '../ports/packet-engine.js';
import type { Connections } from './connections.js';
import { Driver } from './driver.js';
import type { OpenedSlot } from './dials.js';
import { Handshakes, type HandshakesConfig } from './handshakes.js';
import type { SessionEntry } from './session-entry.js';
import { strayId, type StatelessResets } from './stateless-resets.js';
import type { STTStream } from './stream.js';

/** What carries the sessions of a node: a packet engine on its socket and its WebSockets, the pump, the handshakes. */
export interface Carrier {
  readonly engine: PacketEngine;
  readonly driver: Driver<STTStream>;
  readonly handshakes: Handshakes;
  /** What tells peers that their sessions are not known here; undefined where that is off. */
  readonly resets: StatelessResets | undefined;
  /** The WebSockets, once there are any. */
  connections: Connections | undefined;
}

/** An engine that is open, and what tells of sessions that it does not know. */
export interface OpenedCarrier {
  readonly engine: PacketEngine;
  readonly resets?: StatelessResets | undefined;
}

/** The node around it. */
export interface CarrierHost {
  /** A peer's first packet opened: makes the session. Undefined: not yet, or never; the packet is dropped. */
  confirm(carrier: Carrier, opened: OpenedSlot, now: number): SessionEntry<STTStream> | undefined;
  onGone(entry: SessionEntry<STTStream>): void;
  onError(error: Error): void;
}

/** Puts a pump and handshakes on the engine that `open` makes. */
export async function makeCarrier(
  host: CarrierHost,
  config: Omit<HandshakesConfig, 'engine' | 'wake' | 'resetKey'>,
  open: (events: PacketEngineEvents) => Promise<OpenedCarrier>,
): Promise<Carrier> {
  let carrier: Carrier | undefined = undefined;
  const get = (): Carrier | undefined => carrier;
  const driver = new Driver<STTStream>({
    defer: (call) => process.nextTick(call),
    confirm: (slot, now) => {
      const opened = get()?.handshakes.confirm(slot, now);
      return opened === undefined ? undefined : host.confirm(get()!, opened, now);
    },
    onHandshake: (...row) => get()?.handshakes.onDatagram(...row),
    onStray: (slab, begin, size) =>
      get()?.resets?.onStray(strayId(slab, begin), size, slab.subarray(begin - ADDRESS_OCTETS, begin)),
    handshakeTimeout: () => get()?.handshakes.nextTimeout() ?? Infinity,
    onHandshakeTimeout: (now) => get()?.handshakes.onTimeout(now),
    onGone: (entry) => host.onGone(entry),
  });
  const { engine, resets } = await open({
    onBatch: driver.onBatch,
    onWritable: driver.onWritable,
    onRefusedSize: driver.onRefusedSize,
    onConnectionDatagram: (address, datagram) => get()?.connections?.send(address, datagram),
    onError: (error) => host.onError(error),
  });
  driver.start(engine);
  engine.setMac1Keys(config.seeds.map((seed) => seed.mac1Key));
  const handshakes = new Handshakes({ ...config, engine, wake: () => driver.wake(), resetKey: resets?.key });
  carrier = { engine, driver, handshakes, resets, connections: undefined };
  resets?.start(engine);
  return carrier;
}
