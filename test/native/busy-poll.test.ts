import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeAddress } from '../../lib/wire/address.js';
import { sessionKeys } from '../support/engine-harness.js';
import { closeEndpoints, named, NativeEndpoint, skipReason } from '../support/native-endpoint.js';

/** Longer than any answer takes here. */
const AMPLE = 1_000_000;
const PING = Uint8Array.of(0x02, 0x01, 1, 2, 3, 4, 5, 6, 7, 8);
/** Of packet 0 alone; and with ECN counts and another range. */
const ACK = Uint8Array.of(0x06, 0, 0, 0, 0, 0);
const LARGE_ACK = Uint8Array.of(0x06, 1, 0x85, 0x02, 0, 1, 0, 2, 3, 4, 5, 0x86, 0x01);

afterEach(closeEndpoints);

interface Exchange {
  readonly a: NativeEndpoint;
  /** Sends these frames in so many packets, and waits until as many came back, packet by packet. */
  ask(frames: Uint8Array, packets?: number): Promise<void>;
  polls(): { readonly polls: number; readonly hits: number };
}

/** An endpoint that asks, and one that sends back a packet for each it got. */
function exchange(busyPollMicros: number | undefined): Exchange {
  const a = NativeEndpoint.open(busyPollMicros === undefined ? {} : { busyPollMicros });
  const b = NativeEndpoint.open();
  const [own, peer] = sessionKeys(1);
  const from = a.engine.openSession(own);
  const to = b.engine.openSession(peer);
  const there = a.engine.openPath(b.address);
  const back = b.engine.openPath(a.address);
  let pn = 0;
  let answered = 0;
  return {
    a,
    async ask(frames, packets = 1) {
      for (let i = 0; i < packets; i++) a.engine.sealFrames(from, there, pn++, frames, 0, frames.length);
      a.engine.flush();
      await b.until(() => b.packets === pn);
      for (; answered < pn; answered++) b.engine.sealFrames(to, back, answered, PING, 0, PING.length);
      b.engine.flush();
      await a.until(() => a.packets === pn);
    },
    polls() {
      const { busyPolls, busyPollHits } = a.engine.stats();
      return { polls: busyPolls, hits: busyPollHits };
    },
  };
}

describe.skipIf(skipReason !== undefined)(named('waiting awake for answers'), () => {
  it('begins once an answer came in time, and what ends the waits is counted', async () => {
    const { ask, polls } = exchange(AMPLE);
    for (let i = 0; i < 20; i++) await ask(PING);
    expect(polls().polls).toBeGreaterThan(0);
    expect(polls().hits).toBe(polls().polls);
  });

  it('is not done unless it is asked for', async () => {
    const { ask, polls } = exchange(undefined);
    for (let i = 0; i < 20; i++) await ask(PING);
    expect(polls()).toEqual({ polls: 0, hits: 0 });
  });

  it.each([
    ['an ACK', ACK],
    ['an ACK of several ranges with ECN counts', LARGE_ACK],
  ])('is not done for %s, to which nobody answers', async (_name, frames) => {
    const { ask, polls } = exchange(AMPLE);
    for (let i = 0; i < 20; i++) await ask(frames);
    expect(polls().polls).toBe(0);
    const both = Uint8Array.of(...frames, ...PING);
    for (let i = 0; i < 20; i++) await ask(both);
    expect(polls().polls).toBeGreaterThan(0);
  });

  it('is not done in bulk', async () => {
    const { ask, polls } = exchange(AMPLE);
    for (let i = 0; i < 10; i++) await ask(PING, 20);
    expect(polls().polls).toBe(0);
  });

  it('is not done in bulk of few large packets either', async () => {
    const { ask, polls } = exchange(AMPLE);
    const large = new Uint8Array(60_000);
    large.set(PING);
    for (let i = 0; i < 10; i++) await ask(large);
    expect(polls().polls).toBe(0);
  });

  it('ends with the time given, and is not tried again for a peer that stays silent', async () => {
    const { a, ask, polls } = exchange(1000);
    // Whether one comes within a millisecond depends on the machine; of so many, one does.
    for (let i = 0; i < 1000 && polls().polls === 0; i++) await ask(PING);
    const silent = createSocket('udp4');
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    const target = encodeAddress('127.0.0.1', silent.address().port)!;
    const before = polls();
    for (let i = 0; i < 50; i++) {
      a.engine.sendDatagram(target, PING);
      a.engine.flush();
      // So that the event loop has nothing else to do.
      await after(2);
    }
    silent.close();
    const vain = polls().polls - polls().hits - (before.polls - before.hits);
    expect(vain).toBeLessThanOrEqual(2);
  });
});
