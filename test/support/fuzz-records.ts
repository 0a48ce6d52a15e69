import { readFileSync, readdirSync } from 'node:fs';
import type { PacketEngine, SessionKeys } from '../../lib/ports/packet-engine.js';
import { Suite } from '../../lib/ports/crypto.js';
import { ADDRESS_A, handshakeFrame, helloDatagram, sealRaw, streamFrame } from './engine-harness.js';

/*
 * Reads inputs of the fuzzers in test/fuzz as their C++ does, and plays them to any packet engine. What the octets mean
 * is said at the top of packet-fuzzer.cc and handshake-fuzzer.cc.
 */

interface Record {
  readonly op: number;
  readonly octets: Uint8Array;
}

const MAX_SENT = 64;
const MAX_PAYLOAD = 2048;
const SEEDS = 2;

/** The inputs kept for a fuzzer; with STT_FUZZ_GROWN set, also those that `npm run fuzz` left in build/fuzz. */
export function corpusOf(fuzzer: string): Uint8Array[] {
  const directories = [`../fuzz/corpus/${fuzzer}/`];
  if (process.env['STT_FUZZ_GROWN'] !== undefined) directories.push(`../../build/fuzz/corpus-${fuzzer}/`);
  return directories
    .map((name) => new URL(name, import.meta.url))
    .flatMap((directory) =>
      readdirSync(directory)
        .sort()
        .map((name) => new Uint8Array(readFileSync(new URL(name, directory)))),
    );
}

function* records(input: Uint8Array, from: number): Generator<Record> {
  for (let at = from; input.length - at >= 3;) {
    const length = (input[at + 1]! << 8) | input[at + 2]!;
    const octets = input.subarray(at + 3, at + 3 + length);
    yield { op: input[at]!, octets };
    at += 3 + octets.length;
  }
}

/** An engine, and how datagrams reach it. */
export interface FuzzStage {
  readonly engine: PacketEngine;
  receive(datagram: Uint8Array, address: Uint8Array): void;
  deliver(): void;
}

/** Plays an input of packet-fuzzer.cc. Payloads that were sealed are handed to `onPayload`, too. */
export function playPackets(input: Uint8Array, stage: FuzzStage, onPayload: (payload: Uint8Array) => void): void {
  if (input.length === 0) return;
  const hp = filled(32, 0x33);
  const phaseKeys = (phase: number) => ({ key: filled(32, 0x11 + phase), iv: filled(12, 0x22 + phase) });
  const direction = { ...phaseKeys(0), hp };
  const keys: SessionKeys = {
    sessionId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    suite: (input[0]! & 1) !== 0 ? Suite.CHACHA20_POLY1305 : Suite.AES_256_GCM,
    send: direction,
    receive: direction,
    forgeryLimit: 3,
  };
  const slot = stage.engine.openSession(keys);
  stage.engine.openPath(ADDRESS_A);
  let given = 0;
  let phase = 0;
  const sent: Uint8Array[] = [];
  const offsets = [0, 0, 0, 0];
  let pn = 0;
  const receive = (datagram: Uint8Array): void => stage.receive(datagram, ADDRESS_A);
  const send = (datagram: Uint8Array): void => {
    if (sent.length < MAX_SENT) sent.push(datagram);
    receive(datagram);
  };
  const seal = (first: number, payload: Uint8Array): void => {
    const cut = payload.subarray(0, MAX_PAYLOAD);
    onPayload(cut);
    send(sealRaw({ ...keys, send: { ...phaseKeys(phase), hp } }, first, pn++, cut));
  };
  for (const { op, octets } of records(input, 1)) {
    const [a = 0, b = 0, c = 0] = octets;
    if (op === 0) send(octets);
    else if (op === 1) seal(0x80 | (phase & 1), octets);
    else if (op === 2) {
      pn += b * 2 ** (b & 31);
      seal(0x80 | a, octets.subarray(2));
    } else if (op === 3 && sent.length > 0) {
      const copy = new Uint8Array(sent[a % sent.length]!);
      if (copy.length > 0) copy[b % copy.length]! ^= c;
      receive(copy);
    } else if (op === 4) stage.deliver();
    else if (op === 5) {
      const frame = streamFrame(a & 3, offsets[a & 3]!, filled(b, b), c);
      offsets[a & 3]! += b;
      seal(0x80 | (phase & 1), Uint8Array.of(...frame, ...octets.subarray(3)));
    } else if (op === 6) {
      const segment = ((a << 8) | b) === 0 ? 0xffff : (a << 8) | b;
      const burst = octets.subarray(2);
      let at = 0;
      do receive(burst.subarray(at, at + segment));
      while ((at += segment) < burst.length);
    } else if (op === 7) {
      const next = phaseKeys(given + 1);
      if ((a & 1) !== 0) {
        if (stage.engine.installNextKeys(slot, next, next)) given++;
        stage.engine.switchSendKeys(slot);
      }
      if ((a & 2) !== 0 && phase < given) phase++;
      if ((a & 4) !== 0) stage.engine.dropOldKeys(slot);
    }
  }
  stage.deliver();
}

/** Plays an input of handshake-fuzzer.cc. */
export function playHandshakes(input: Uint8Array, stage: FuzzStage): void {
  const keys = Array.from({ length: SEEDS }, (_, seed) => filled(32, seed + 1));
  stage.engine.setMac1Keys(keys);
  stage.engine.openPath(ADDRESS_A);
  const receive = (datagram: Uint8Array): void => stage.receive(datagram, ADDRESS_A);
  for (const { op, octets } of records(input, 0)) {
    const [a = 0, b = 0] = octets;
    if (op === 0) receive(octets);
    else if (op === 1) receive(handshakeFrame(filled(8, a), octets.subarray(1)));
    else if (op === 2) receive(helloDatagram(filled(8, a), keys[b % SEEDS], octets.subarray(2)));
    else if (op === 3 && (a & 1) !== 0) stage.engine.expectHandshake(filled(8, b));
    else if (op === 3) stage.engine.forgetHandshake(filled(8, b));
    else if (op === 4) stage.deliver();
    else if (op === 5) stage.engine.demandCookies(keys, (a & 1) !== 0 ? [keys[1]!] : []);
  }
  stage.deliver();
}

function filled(length: number, octet: number): Uint8Array {
  return new Uint8Array(length).fill(octet);
}
