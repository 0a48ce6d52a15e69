import { describe, expect, it } from 'vitest';
import { STTHandshake } from '../../../lib/api/stt-handshake.js';
import { STTHandshakeError } from '../../../lib/errors.js';
import { STCWrapper } from '../../../lib/stc/stc-wrapper.js';
import { describeProviders, hex, provider, text } from '../../support/crypto-providers.js';
import type { CryptoProvider } from '../../../lib/ports/crypto.js';

const SHARED = new Uint8Array(32).fill(0x11);

function side(
  seed: number,
  options: { sharedSeed?: Uint8Array; crypto?: CryptoProvider; nodeIdentity?: Uint8Array } = {},
) {
  const { sharedSeed = SHARED, crypto = provider, ...rest } = options;
  const stc = new STCWrapper(new Uint8Array(32).fill(seed), { provider: crypto });
  return new STTHandshake({ stc, sharedSeed, ...rest });
}

function code(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(STTHandshakeError);
    return (error as STTHandshakeError).code;
  }
  return undefined;
}

describeProviders('STTHandshake', (crypto) => {
  it('gives both sides one session key, and each the other’s id', () => {
    const [alice, bob] = [side(1, { crypto }), side(2, { crypto, nodeIdentity: text('bob') })];
    const { reply } = bob.handleHello(alice.initiateHandshake());
    const { sessionKey, peerNodeId } = alice.handleResponse(reply!);
    expect(hex(sessionKey)).toBe(hex(bob.getSessionKey()));
    expect(hex(alice.getSessionKey())).toBe(hex(sessionKey));
    expect(sessionKey.length).toBe(32);
    expect(hex(peerNodeId)).toBe(hex(bob.nodeId));
    expect(hex(bob.peerNodeId)).toBe(hex(alice.nodeId));
    expect(hex(alice.sessionId)).toBe(hex(bob.sessionId));
  });
});

describe('STTHandshake', () => {
  it('proves the identity of a node unless told otherwise', () => {
    const stc = new STCWrapper(new Uint8Array(32).fill(1), { provider });
    expect(hex(side(1).nodeId)).toBe(hex(stc.generateNodeId(text('stt_node_identity'))));
    expect(hex(side(1, { nodeIdentity: text('x') }).nodeId)).toBe(hex(stc.generateNodeId(text('x'))));
  });

  it('refuses every bad message by one and the same error, and takes the good one after it', () => {
    const [alice, bob] = [side(1), side(2)];
    const hello = alice.initiateHandshake();
    const changed = hello.slice();
    changed[500]! ^= 1;
    for (const bad of [
      new Uint8Array(0),
      Uint8Array.of(1),
      hello.subarray(1),
      changed,
      side(3, { sharedSeed: SHARED.map(() => 9) }).initiateHandshake(),
    ]) {
      expect(code(() => bob.handleHello(bad))).toBe('ERR_STT_HANDSHAKE_FAILED');
    }
    expect(code(() => side(1).handleHello(hello))).toBe('ERR_STT_HANDSHAKE_FAILED');
    const { reply } = bob.handleHello(hello, { address: '2001:db8::1', port: 5 });
    for (const bad of [new Uint8Array(0), hello, reply!.map((octet, i) => (i === 700 ? octet ^ 1 : octet))]) {
      expect(code(() => alice.handleResponse(bad))).toBe('ERR_STT_HANDSHAKE_FAILED');
    }
    expect(hex(alice.handleResponse(reply!).sessionKey)).toBe(hex(bob.getSessionKey()));
  });

  it('answers the same HELLO by the same reply', () => {
    const bob = side(2);
    const hello = side(1).initiateHandshake();
    const { reply } = bob.handleHello(hello);
    const key = hex(bob.getSessionKey());
    expect(hex(bob.handleHello(hello).reply)).toBe(hex(reply));
    expect(hex(bob.getSessionKey())).toBe(key);
  });

  it('asks for a proof of the address while it is under load, and takes it from that address only', () => {
    const [alice, bob] = [side(1), side(2)];
    const from = { address: '192.0.2.1', port: 5, underLoad: true };
    const { reply } = bob.handleHello(alice.initiateHandshake(), from);
    expect(reply!.length).toBeLessThan(100);
    expect(code(() => bob.getSessionKey())).toBe('ERR_STT_INVALID_STATE');
    expect(code(() => alice.handleCookie(reply!.map((octet, i) => (i === 70 ? octet ^ 1 : octet))))).toBe(
      'ERR_STT_HANDSHAKE_FAILED',
    );
    const proven = alice.handleCookie(reply!);
    expect(bob.handleHello(proven, { ...from, port: 6 }).reply!.length).toBeLessThan(100);
    const { sessionKey } = alice.handleResponse(bob.handleHello(proven, from).reply!);
    expect(hex(sessionKey)).toBe(hex(bob.getSessionKey()));
  });

  it('refuses calls out of order', () => {
    const [alice, bob] = [side(1), side(2)];
    expect(code(() => alice.handleResponse(new Uint8Array(9)))).toBe('ERR_STT_INVALID_STATE');
    expect(code(() => alice.getSessionKey())).toBe('ERR_STT_INVALID_STATE');
    const hello = alice.initiateHandshake();
    expect(code(() => alice.initiateHandshake())).toBe('ERR_STT_INVALID_STATE');
    expect(code(() => alice.handleHello(hello))).toBe('ERR_STT_INVALID_STATE');
    expect(code(() => alice.getSessionKey())).toBe('ERR_STT_INVALID_STATE');
    const { reply } = bob.handleHello(hello);
    expect(code(() => bob.initiateHandshake())).toBe('ERR_STT_INVALID_STATE');
    expect(code(() => bob.handleResponse(reply!))).toBe('ERR_STT_INVALID_STATE');
    alice.handleResponse(reply!);
    expect(code(() => alice.handleResponse(reply!))).toBe('ERR_STT_INVALID_STATE');
  });

  it('refuses short seeds and unknown options', () => {
    const stc = new STCWrapper(new Uint8Array(32), { provider });
    const message = (call: () => unknown): unknown => {
      try {
        return call();
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    expect(message(() => new STTHandshake({ stc, sharedSeed: new Uint8Array(15) }))).toBe('ERR_STT_SEED_TOO_SHORT');
    expect(message(() => new STTHandshake({ stc, sharedSeed: SHARED, nodeId: SHARED } as never))).toBe(
      'ERR_STT_UNKNOWN_OPTION',
    );
  });
});
