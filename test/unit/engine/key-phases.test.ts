import { describe, expect, it } from 'vitest';
import { Suite } from '../../../lib/ports/crypto.js';
import { Marks, type SessionKeys } from '../../../lib/ports/packet-engine.js';
import { ADDRESS_A, sealRaw, sessionKeys, streamFrame, type CapturedRow } from '../../support/engine-harness.js';
import { ENGINES, engineBench, type Bench } from '../../support/engine-bench.js';

/** What packets are made of: PADDING. */
const PAYLOAD: Uint8Array = new Uint8Array(8);

/** Keys of the peer and of the engine under test, in a phase. */
function phase(number: number, suite: Suite): [SessionKeys, SessionKeys] {
  const first = sessionKeys(0, suite);
  const later = sessionKeys(number, suite);
  return [0, 1].map((side) => ({
    ...first[side]!,
    send: { ...later[side]!.send, hp: first[side]!.send.hp },
    receive: { ...later[side]!.receive, hp: first[side]!.receive.hp },
  })) as [SessionKeys, SessionKeys];
}

const phases = (rows: readonly CapturedRow[]): number[] => rows.map(({ marks }) => marks >>> Marks.PHASE_SHIFT);

const cases = ENGINES.flatMap((backend) => [
  [backend, 'AES-256-GCM', Suite.AES_256_GCM] as const,
  [backend, 'ChaCha20-Poly1305', Suite.CHACHA20_POLY1305] as const,
]);

describe.each(cases)('key phases of the %s engine with %s', (backend, _name, suite) => {
  const packet = (number: number, pn: number, payload = PAYLOAD, first = 0x80 | (number & 1)): Uint8Array =>
    sealRaw(phase(number, suite)[0], first, pn, payload);
  const install = ({ engine, slot }: Bench, number: number): boolean => {
    const { send, receive } = phase(number, suite)[1];
    return engine.installNextKeys(slot, send, receive);
  };

  it('drops packets of the next phase without its keys, and opens them with these', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    expect(made.take(packet(0, 0), packet(1, 1))).toHaveLength(1);
    expect(made.engine.stats()).toMatchObject({ packetsOpened: 1, droppedNoKey: 1, droppedForgeries: 0 });
    expect(install(made, 1)).toBe(true);
    // The same packet again: without keys its number was not marked as seen.
    expect(phases(made.take(packet(1, 1), packet(1, 2)))).toEqual([1, 1]);
  });

  it('opens late packets of the phase before until its keys are dropped', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    install(made, 1);
    made.take(packet(0, 0), packet(1, 10));
    expect(phases(made.take(packet(0, 8), packet(1, 9), packet(0, 7)))).toEqual([0, 1, 0]);
    made.engine.dropOldKeys(made.slot);
    expect(made.take(packet(0, 6))).toEqual([]);
    expect(made.engine.stats()).toMatchObject({ droppedNoKey: 1, droppedForgeries: 0 });
    expect(phases(made.take(packet(1, 5)))).toEqual([1]);
  });

  it('tells old from next by the packet number, when both have the same bit', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    install(made, 1);
    made.take(packet(0, 0), packet(1, 100));
    expect(made.engine.installNextKeys(made.slot, ...nextOf(2))).toBe(false);
    made.engine.switchSendKeys(made.slot);
    expect(install(made, 2)).toBe(true);
    expect(phases(made.take(packet(0, 50), packet(2, 200), packet(1, 150), packet(2, 201)))).toEqual([0, 2, 1, 2]);
    // Those of two phases before are gone, also if nobody dropped them.
    made.take(packet(0, 51));
    expect(made.engine.stats()).toMatchObject({ droppedForgeries: 1 });
  });

  function nextOf(number: number): [SessionKeys['send'], SessionKeys['receive']] {
    const { send, receive } = phase(number, suite)[1];
    return [send, receive];
  }

  it('changes phase by packets whose tag verifies only', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    made.take(packet(0, 0));
    install(made, 1);
    const forged = packet(1, 5);
    forged[forged.length - 1]! ^= 1;
    // And one of the old keys that claims the new phase.
    expect(made.take(forged, packet(0, 6, PAYLOAD, 0x81))).toEqual([]);
    expect(made.engine.stats()).toMatchObject({ droppedForgeries: 2 });
    expect(phases(made.take(packet(0, 7), packet(1, 8)))).toEqual([0, 1]);
  });

  it('refuses what was opened in the phase before', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    install(made, 1);
    expect(made.take(packet(0, 0), packet(0, 1), packet(1, 2))).toHaveLength(3);
    expect(made.take(packet(0, 1), packet(1, 2), packet(1, 1))).toEqual([]);
    expect(made.engine.stats()).toMatchObject({ droppedReplays: 3 });
  });

  it('never joins packets of two phases in one row', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    install(made, 1);
    const frames = [0, 1, 2, 3].map((i) => streamFrame(1, i * 8, PAYLOAD));
    const rows = made.take(
      packet(0, 0, frames[0]),
      packet(0, 1, frames[1]),
      packet(1, 2, frames[2]),
      packet(1, 3, frames[3]),
    );
    expect(rows.map(({ count, pn }) => [count, pn])).toEqual([
      [2, 0],
      [2, 2],
    ]);
    expect(phases(rows)).toEqual([0, 1]);
  });

  it('gives the phase with packets that no peer may send', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    install(made, 1);
    expect(phases(made.take(packet(1, 0, new Uint8Array(0)), packet(1, 1, PAYLOAD, 0x83)))).toEqual([1, 1]);
  });

  it('seals in the next phase when told to, and what it seals the peer opens', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    const peer = engineBench(backend, phase(0, suite)[1]);
    const { engine, slot } = made;
    const path = engine.openPath(ADDRESS_A);
    const [peerKeys] = phase(0, suite);
    peer.engine.closeSession(peer.slot);
    const peerSlot = peer.engine.openSession(peerKeys);
    engine.switchSendKeys(slot);
    engine.sealFrames(slot, path, 0, PAYLOAD, 0, 8);
    install(made, 1);
    engine.sealFrames(slot, path, 1, PAYLOAD, 0, 8);
    engine.switchSendKeys(slot);
    engine.switchSendKeys(slot);
    engine.sealFrames(slot, path, 2, PAYLOAD, 0, 8);
    engine.sealStreamRun(slot, path, 3, 1, 0, false, new Uint8Array(20), 0, 20, 10);
    peer.engine.installNextKeys(peerSlot, ...([phase(1, suite)[0].send, phase(1, suite)[0].receive] as const));
    const rows = peer.take(...made.sealed());
    expect(rows.map(({ pn, count }) => [pn, count])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 2],
    ]);
    expect(phases(rows)).toEqual([0, 0, 1, 1]);
  });

  it('has no keys for sessions that are not there', () => {
    const made = engineBench(backend, phase(0, suite)[1]);
    made.engine.closeSession(made.slot);
    expect(install(made, 1)).toBe(false);
    made.engine.switchSendKeys(made.slot);
    made.engine.dropOldKeys(made.slot);
    expect(made.engine.installNextKeys(0xffffffff, ...nextOf(1))).toBe(false);
  });
});
