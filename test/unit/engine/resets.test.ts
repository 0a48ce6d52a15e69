import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RESET, MIN_RESET } from '../../../lib/constants.js';
import { RowType } from '../../../lib/ports/packet-engine.js';
import { ENGINES, engineBench } from '../../support/engine-bench.js';
import { ADDRESS_A, sealRaw, sessionKeys } from '../../support/engine-harness.js';

const [peer, own] = sessionKeys(1);
const [stranger] = sessionKeys(2);
const TOKEN = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 ^ i);

/** A stateless reset of a session, `length` octets long. */
function reset(sessionId: Uint8Array, length: number, token = TOKEN): Uint8Array {
  const datagram = new Uint8Array(length).fill(0x9c);
  datagram.set(sessionId, 1);
  datagram.set(token, length - token.length);
  return datagram;
}

describe.each(ENGINES)('stateless resets in the %s engine', (backend) => {
  it('are told of a session whose token they end with, whatever their length', () => {
    const made = engineBench(backend, own);
    made.engine.setResetToken(made.slot, TOKEN);
    for (const length of [MIN_RESET, 38, MAX_RESET]) {
      expect(made.take(reset(own.sessionId, length))).toMatchObject([{ type: RowType.RESET, slot: made.slot }]);
    }
    expect(made.engine.stats()).toMatchObject({ resetsReceived: 3, droppedForgeries: 0, droppedNoKey: 0 });
  });

  it('are forgeries before the token is known, with another token, or of another length', () => {
    const made = engineBench(backend, own);
    expect(made.take(reset(own.sessionId, 40))).toEqual([]);
    made.engine.setResetToken(made.slot, TOKEN);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 127 }), fc.integer({ min: MIN_RESET, max: MAX_RESET }), (bit, length) => {
        const wrong = TOKEN.slice();
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        return made.take(reset(own.sessionId, length, wrong)).length === 0;
      }),
    );
    expect(made.take(reset(own.sessionId, MAX_RESET + 1), reset(own.sessionId, 1200))).toEqual([]);
    expect(made.take(reset(stranger.sessionId, 40))).toEqual([]);
    expect(made.engine.stats().resetsReceived).toBe(0);
  });

  it('are not looked for in packets that open, though these end with the token', () => {
    const made = engineBench(backend, own);
    const packet = sealRaw(peer, 0x80, 0, new Uint8Array(8));
    made.engine.setResetToken(made.slot, packet.slice(-16));
    expect(made.take(packet)).toMatchObject([{ type: RowType.FRAMES }]);
    expect(made.engine.stats().packetsOpened).toBe(1);
  });
});

describe.each(ENGINES)('packets of unknown sessions in the %s engine', (backend) => {
  it('are told as long as the budget lasts, with id, length and sender', () => {
    const made = engineBench(backend, own);
    const stray = sealRaw(stranger, 0x80, 0, new Uint8Array(8));
    expect(made.take(stray)).toEqual([]);
    made.engine.reportStrays(2);
    const rows = made.take(stray, stray, stray);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      type: RowType.STRAY,
      octets: Buffer.from(stranger.sessionId).toString('hex'),
      streamId: stray.length,
      address: Buffer.from(ADDRESS_A).toString('hex'),
    });
    expect(made.engine.stats().droppedUnknownSession).toBe(4);
  });
});
