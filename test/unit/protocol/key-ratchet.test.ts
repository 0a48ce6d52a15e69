import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import { KEM_CIPHERTEXT, KEM_PUBLIC_KEY, KEM_SECRET, type KemAnswer } from '../../../lib/ports/kem.js';
import type { PhaseKeys } from '../../../lib/ports/packet-engine.js';
import { KeyRatchet } from '../../../lib/protocol/key-ratchet.js';
import { DEFAULT_ROTATION_POLICY, type RotationPolicy } from '../../../lib/protocol/rotation-policy.js';
import { derivePhaseKeys, nextSessionKey } from '../../../lib/protocol/key-schedule.js';
import { rotateSessionKey } from '../../../lib/stc/cke.js';
import { nodeProvider } from '../../../lib/stc/node-provider.js';
import { ControlMessage, encodeRotationBody } from '../../../lib/wire/rotation-messages.js';

const { KEY_REQUEST, KEY_RESPONSE } = ControlMessage;
const PTO = 50;

/** A ratchet, with the world around it in the hands of the test. */
function bench(role: 'initiator' | 'responder' = 'responder', policy: Partial<RotationPolicy> = {}) {
  const calls: string[] = [];
  const sent: { type: number; body: Uint8Array }[] = [];
  const keys: { send: PhaseKeys; receive: PhaseKeys }[] = [];
  const state = { now: 10_000, question: 0, largestAcked: -1, nextPn: 100, room: true };
  const ask = (what: string) => (question: number) => {
    state.question = question;
    calls.push(what);
  };
  const sessionKey = new Uint8Array(32).fill(1);
  const ratchet = new KeyRatchet({
    role,
    now: state.now,
    crypto: nodeProvider,
    sessionKey,
    policy: { ...DEFAULT_ROTATION_POLICY, ...policy },
    sealLimit: 2 ** 23,
    host: {
      generate: ask('generate'),
      encapsulate: ask('encapsulate'),
      decapsulate: ask('decapsulate'),
      installNextKeys: (send, receive) => {
        calls.push('install');
        const copy = ({ key, iv }: PhaseKeys) => ({ key: key.slice(), iv: iv.slice() });
        keys.push({ send: copy(send), receive: copy(receive) });
      },
      switchSendKeys: () => calls.push('switch'),
      dropOldKeys: () => calls.push('drop'),
      onKeysRotated: (phase) => calls.push(`rotated ${phase}`),
      onRotationFailed: (why) => calls.push(`failed: ${why}`),
    },
    link: {
      sendMessage: (type, body) => {
        if (state.room) sent.push({ type, body });
        return state.room;
      },
      onSendPhase: () => state.nextPn,
      requestPing: () => calls.push('ping'),
      ptoMs: PTO,
      get largestAcked() {
        return state.largestAcked;
      },
    },
  });
  const at = (now: number): void => {
    state.now = ratchet.now = now;
  };
  const message = (type: number, phase: number, octets?: Uint8Array): number => {
    const body = encodeRotationBody(
      phase,
      octets ?? new Uint8Array(type === KEY_REQUEST ? KEM_PUBLIC_KEY : KEM_CIPHERTEXT),
    );
    return ratchet.onControlMessage(type, body, 0, body.length);
  };
  const answer = (kem: KemAnswer): number => ratchet.onKemAnswer(state.now, state.question, kem);
  return {
    ratchet,
    state,
    calls,
    sent,
    keys,
    sessionKey,
    at,
    message,
    answer,
    taken: () => calls.splice(0),
    start: () => {
      ratchet.request();
      ratchet.poll(state.now, 0, 0);
    },
    generated: () =>
      answer({ kind: 'generated', publicKey: new Uint8Array(KEM_PUBLIC_KEY).fill(3), privateKey: PRIVATE }),
    encapsulated: () => answer({ kind: 'encapsulated', ciphertext: new Uint8Array(KEM_CIPHERTEXT), secret: secret() }),
    decapsulated: () => answer({ kind: 'decapsulated', secret: secret() }),
  };
}
const PRIVATE = Uint8Array.of(1, 2, 3);
const secret = (): Uint8Array => new Uint8Array(KEM_SECRET).fill(9);

describe('the key schedule of rotation', () => {
  it('is rotateSessionKey with the secret and the hash of both bodies as its nonce', () => {
    const key = new Uint8Array(32).fill(5);
    const request = encodeRotationBody(1, new Uint8Array(KEM_PUBLIC_KEY).fill(2));
    const response = encodeRotationBody(1, new Uint8Array(KEM_CIPHERTEXT).fill(4));
    const nonce = Buffer.concat([secret(), nodeProvider.sha256(request, response)]);
    expect(nextSessionKey(nodeProvider, key, secret(), request, response)).toEqual(
      rotateSessionKey(nodeProvider, key, nonce),
    );
    expect(key).toEqual(new Uint8Array(32).fill(5));
  });

  it('gives both sides the same keys, crossed, and others in each direction and for each secret', () => {
    const one = derivePhaseKeys(nodeProvider, 'initiator', new Uint8Array(32).fill(5));
    const other = derivePhaseKeys(nodeProvider, 'responder', new Uint8Array(32).fill(5));
    expect(one.send).toEqual(other.receive);
    expect(one.receive).toEqual(other.send);
    expect(one.send.key).not.toEqual(one.receive.key);
    expect([one.send.key.length, one.send.iv.length]).toEqual([32, 12]);
  });
});

describe('the ratchet of a requester', () => {
  it('asks, switches with the answer, sends a PING at once, and is done when both directions are seen in use', () => {
    const { ratchet, state, sent, keys, sessionKey, taken, start, generated, message, decapsulated, at } = bench();
    start();
    expect(taken()).toEqual(['generate']);
    expect(sent).toHaveLength(0);
    expect(generated()).toBe(0);
    expect(sent.map(({ type, body }) => [type, body.length])).toEqual([[KEY_REQUEST, 4 + KEM_PUBLIC_KEY]]);
    expect(message(KEY_RESPONSE, 1)).toBe(0);
    expect(taken()).toEqual(['decapsulate']);
    expect(decapsulated()).toBe(0);
    expect(taken()).toEqual(['install', 'switch', 'ping']);
    expect(keys).toHaveLength(1);
    // The session key of the phase before is no more.
    expect(sessionKey).toEqual(new Uint8Array(32));
    ratchet.onBatchEnd(state.now);
    ratchet.onPacketPhase(state.now, 0);
    expect(taken()).toEqual([]);
    ratchet.onPacketPhase(state.now, 1);
    state.largestAcked = 99;
    ratchet.onBatchEnd(state.now);
    expect(taken()).toEqual([]);
    state.largestAcked = 100;
    ratchet.onBatchEnd(state.now);
    expect(taken()).toEqual(['rotated 1']);
    expect(ratchet.deadline).toBe(state.now + 3 * PTO);
    at(ratchet.deadline);
    ratchet.onTimeout(state.now);
    expect(taken()).toEqual(['drop']);
    expect([ratchet.phase, ratchet.ownRotations, ratchet.peerRotations]).toEqual([1, 1, 0]);
  });

  it('begins no other rotation before the old keys are dropped, and then not sooner than 150 ms after', () => {
    const { ratchet, state, taken, start, generated, message, decapsulated, at } = bench();
    const rotate = (phase: number): void => {
      start();
      generated();
      message(KEY_RESPONSE, phase);
      decapsulated();
      ratchet.onPacketPhase(state.now, phase);
      state.largestAcked = 100;
      ratchet.onBatchEnd(state.now);
    };
    rotate(1);
    taken();
    const rotatedAt = state.now;
    start();
    expect(taken()).toEqual([]);
    at(ratchet.deadline);
    ratchet.onTimeout(state.now);
    expect(taken()).toEqual(['drop', 'generate']);
    expect(state.now).toBe(rotatedAt + 150);
  });

  it('goes by the policy: the first after a moment, then by octets, packets and time, never within a second', () => {
    const { ratchet, state, taken, at, generated, message, decapsulated } = bench('initiator');
    const finish = (phase: number): void => {
      generated();
      message(KEY_RESPONSE, phase);
      decapsulated();
      ratchet.onPacketPhase(state.now, phase);
      state.largestAcked = 100;
      ratchet.onBatchEnd(state.now);
      at(ratchet.deadline);
      ratchet.onTimeout(state.now);
      taken();
    };
    const begin = state.now;
    expect(ratchet.deadline).toBe(begin + 100);
    ratchet.poll(begin + 99, 0, 0);
    expect(taken()).toEqual([]);
    at(begin + 100);
    expect(ratchet.shouldRotate(state.now)).toBe(true);
    ratchet.onTimeout(state.now);
    expect(taken()).toEqual(['generate']);
    finish(1);
    expect(ratchet.shouldRotate(state.now)).toBe(false);
    // 3 PTO after it: the next one has to wait for the rest of the second.
    const settled = state.now - 3 * PTO;
    ratchet.poll(state.now, 1, 16 * 1024 ** 3);
    expect(ratchet.shouldRotate(state.now)).toBe(true);
    expect(ratchet.deadline).toBe(settled + 1000);
    // But not if the key is nearly used up.
    ratchet.poll(state.now, 2 ** 22, 0);
    expect(taken()).toEqual(['generate']);
    finish(2);
    expect(ratchet.deadline).toBe(state.now - 3 * PTO + 3_600_000);
    expect(ratchet.shouldRotate(ratchet.deadline)).toBe(true);
  });

  it('goes on with its keys if ML-KEM cannot be computed, says so, and tries again after a minute', () => {
    const { ratchet, state, taken, start, answer, at } = bench();
    start();
    taken();
    expect(answer({ kind: 'failed', why: 'no thread' })).toBe(0);
    expect(taken()).toEqual(['failed: no thread']);
    ratchet.request();
    expect(ratchet.deadline).toBe(state.now + 60_000);
    at(ratchet.deadline);
    ratchet.onTimeout(state.now);
    expect(taken()).toEqual(['generate']);
  });

  it('says so if the control stream is full', () => {
    const { state, taken, start, generated } = bench();
    start();
    taken();
    state.room = false;
    expect(generated()).toBe(0);
    expect(taken()).toEqual(['failed: the control stream is full']);
  });

  it('drops what ML-KEM answers to a question of no use any more', () => {
    const { ratchet, state, taken, start, message, keys } = bench('responder');
    start();
    const asked = state.question;
    message(KEY_REQUEST, 1);
    taken();
    const late = new Uint8Array(8).fill(1);
    expect(
      ratchet.onKemAnswer(state.now, asked, {
        kind: 'generated',
        publicKey: new Uint8Array(KEM_PUBLIC_KEY),
        privateKey: late,
      }),
    ).toBe(0);
    expect([...late]).toEqual(new Array(8).fill(0));
    expect([taken(), keys.length]).toEqual([[], 0]);
  });

  it('does nothing after the end of the session, and wipes its key', () => {
    const { ratchet, state, sessionKey, taken, generated } = bench('initiator');
    ratchet.onTimeout(state.now + 100);
    ratchet.end();
    expect(sessionKey).toEqual(new Uint8Array(32));
    taken();
    expect(generated()).toBe(0);
    ratchet.poll(Number.MAX_SAFE_INTEGER, 2 ** 40, 2 ** 50);
    expect([taken(), ratchet.deadline]).toEqual([[], Infinity]);
  });
});

describe('the ratchet of the side that answers', () => {
  it('takes both phases at once, and seals in the new one from the first packet of it on', () => {
    const { ratchet, state, sent, taken, message, encapsulated } = bench();
    expect(message(KEY_REQUEST, 1)).toBe(0);
    expect(taken()).toEqual(['encapsulate']);
    expect(encapsulated()).toBe(0);
    expect(taken()).toEqual(['install']);
    expect(sent.map(({ type, body }) => [type, body.length])).toEqual([[KEY_RESPONSE, 4 + KEM_CIPHERTEXT]]);
    ratchet.onPacketPhase(state.now, 0);
    expect(taken()).toEqual([]);
    ratchet.onPacketPhase(state.now, 1);
    expect(taken()).toEqual(['switch', 'ping']);
    state.largestAcked = 100;
    ratchet.onBatchEnd(state.now);
    expect(taken()).toEqual(['rotated 1']);
    expect([ratchet.ownRotations, ratchet.peerRotations]).toEqual([0, 1]);
  });

  it('of two requests at once answers as the responder of the handshake, and drops its own', () => {
    const { taken, start, generated, message, encapsulated } = bench('responder');
    start();
    generated();
    taken();
    expect(message(KEY_REQUEST, 1)).toBe(0);
    expect(taken()).toEqual(['encapsulate']);
    expect(encapsulated()).toBe(0);
    expect(taken()).toEqual(['install']);
  });

  it('of two requests at once ignores the other as the initiator of the handshake', () => {
    const { taken, start, generated, message } = bench('initiator');
    start();
    generated();
    taken();
    expect(message(KEY_REQUEST, 1)).toBe(0);
    expect(taken()).toEqual([]);
    expect(message(KEY_RESPONSE, 1)).toBe(0);
    expect(taken()).toEqual(['decapsulate']);
  });

  it('as the initiator answers while its own request is not out yet', () => {
    const { taken, start, message } = bench('initiator');
    start();
    taken();
    expect(message(KEY_REQUEST, 1)).toBe(0);
    expect(taken()).toEqual(['encapsulate']);
  });
});

describe('a hostile peer of the ratchet', () => {
  /** A rotation begun by the peer, brought to its end. */
  function answered() {
    const made = bench();
    const { ratchet, state, message, encapsulated, taken } = made;
    message(KEY_REQUEST, 1);
    encapsulated();
    ratchet.onPacketPhase(state.now, 1);
    state.largestAcked = 100;
    ratchet.onBatchEnd(state.now);
    taken();
    return made;
  }

  it('that asks for a phase of the past is not heard', () => {
    const { message, taken } = answered();
    expect([message(KEY_REQUEST, 0), message(KEY_REQUEST, 1), taken()]).toEqual([0, 0, []]);
  });

  it('that skips a phase is shut out', () => {
    for (const phase of [2, 3, 0xffffffff]) expect(bench().message(KEY_REQUEST, phase)).toBe(CloseCode.KEY_ROTATION);
  });

  it('that asks again before the rotation is confirmed is shut out, whichever phase it names', () => {
    const asking = bench();
    asking.message(KEY_REQUEST, 1);
    expect(asking.message(KEY_REQUEST, 1)).toBe(CloseCode.KEY_ROTATION);
    const confirming = bench();
    confirming.message(KEY_REQUEST, 1);
    confirming.encapsulated();
    confirming.at(confirming.state.now + 10_000);
    expect(confirming.message(KEY_REQUEST, 2)).toBe(CloseCode.KEY_ROTATION);
    expect(confirming.calls.filter((call) => call === 'encapsulate')).toHaveLength(1);
  });

  it('that makes a storm of rotations is shut out before ML-KEM is computed', () => {
    const { state, message, taken, at } = answered();
    at(state.now + 99);
    expect(message(KEY_REQUEST, 2)).toBe(CloseCode.KEY_ROTATION);
    expect(taken()).toEqual([]);
    const patient = answered();
    patient.at(patient.state.now + 100);
    expect(patient.message(KEY_REQUEST, 2)).toBe(0);
    expect(patient.taken()).toEqual(['encapsulate']);
  });

  it('that sends an invalid public key is shut out', () => {
    const { message, answer, ratchet } = bench();
    message(KEY_REQUEST, 1);
    expect(answer({ kind: 'invalid' })).toBe(CloseCode.KEY_ROTATION);
    expect(ratchet.why).toContain('public key');
  });

  it('that answers what nobody asked, twice, or for another phase is shut out', () => {
    expect(bench().message(KEY_RESPONSE, 1)).toBe(CloseCode.KEY_ROTATION);
    const asked = bench();
    asked.start();
    expect(asked.message(KEY_RESPONSE, 1)).toBe(CloseCode.KEY_ROTATION);
    asked.generated();
    expect(asked.message(KEY_RESPONSE, 2)).toBe(CloseCode.KEY_ROTATION);
    expect(asked.message(KEY_RESPONSE, 1)).toBe(0);
    expect(asked.message(KEY_RESPONSE, 1)).toBe(CloseCode.KEY_ROTATION);
    expect(asked.calls.filter((call) => call === 'decapsulate')).toHaveLength(1);
  });

  it('that sends messages of a wrong length is shut out, and unknown ones are skipped', () => {
    const { ratchet } = bench();
    for (const type of [KEY_REQUEST, KEY_RESPONSE]) {
      for (const length of [0, 3, 4, KEM_CIPHERTEXT + 3, KEM_PUBLIC_KEY + 5]) {
        expect(ratchet.onControlMessage(type, new Uint8Array(length), 0, length)).toBe(CloseCode.FRAME_ENCODING);
      }
    }
    for (const type of [0, 3, 0x7f, 0xff]) expect(ratchet.onControlMessage(type, new Uint8Array(9), 0, 9)).toBe(0);
  });
});
