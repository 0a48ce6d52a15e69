import { createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { STTCryptoError } from '../../../lib/errors.js';
import { STCWrapper as NodeSTCWrapper } from '../../../lib/stc/node-stc-wrapper.js';
import { nodeKeyPair, nodeResetKey } from '../../../lib/stc/node-identity.js';
import { STCWrapper } from '../../../lib/stc/stc-wrapper.js';
import { serializeStt } from '../../../lib/wire/serialization.js';
import { describeProviders, hex, provider, providers, text } from '../../support/crypto-providers.js';

const SEED = new Uint8Array(32).fill(0x5e);
const OTHER = new Uint8Array(32).fill(0x5f);
const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const make = (seed = SEED, crypto = provider): STCWrapper => new STCWrapper(seed, { provider: crypto });
/** STT §2, once more, by node:crypto's HKDF, which extracts and expands in one. */
const expand = (label: string, info: Uint8Array): string =>
  Buffer.from(hkdfSync('sha256', SEED, 'STC v1 root', Buffer.concat([Buffer.from(`${label}\0`), info]), 32)).toString(
    'hex',
  );
const code = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
};

describeProviders('The contract', (crypto) => {
  const stc = make(SEED, crypto);

  it('derives hashes, keys and identities as STT §2 says', () => {
    const context = { purpose: 'test', n: 1 };
    const canonical = serializeStt(context);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(canonical.length);
    const phe = createHmac('sha256', Buffer.from(expand('phe', text('')), 'hex'))
      .update(length)
      .update(canonical)
      .update('data')
      .digest('hex');
    expect(hex(stc.hashData(text('data'), context))).toBe(phe);
    expect(hex(stc.deriveSessionKey(context))).toBe(expand('cke', canonical));
    const rotated = Buffer.from(hkdfSync('sha256', SEED, 'nonce', 'STC v1 rotate', 32)).toString('hex');
    expect(hex(stc.rotateSessionKey(SEED, text('nonce')))).toBe(rotated);
    const identity = stc.identityKeyPair(text('me'));
    expect(hex(identity.privateKey)).toBe(expand('node', text('me')));
    expect(hex(stc.generateNodeId(text('me')))).toBe(hex(identity.publicKey));
  });

  it('opens what it sealed, under the same seed and associated data only', () => {
    const { ciphertext, metadata } = stc.encryptFrame(text('payload'), { stream_id: 5 });
    expect(ciphertext.length).toBe(7 + 16);
    expect(metadata.length).toBe(25);
    expect(metadata[0]).toBe(1);
    for (const other of providers) {
      expect(hex(make(SEED, other).decryptFrame(ciphertext, metadata, { stream_id: 5 }))).toBe(hex(text('payload')));
    }
    const refused = [
      () => make(OTHER, crypto).decryptFrame(ciphertext, metadata, { stream_id: 5 }),
      () => stc.decryptFrame(ciphertext, metadata, { stream_id: 6 }),
      () => stc.decryptFrame(ciphertext, metadata),
      () => stc.decryptFrame(ciphertext.subarray(1), metadata, { stream_id: 5 }),
      () => stc.decryptFrame(new Uint8Array(0), metadata, { stream_id: 5 }),
      () => stc.decryptFrame(ciphertext, metadata.subarray(1), { stream_id: 5 }),
      () => stc.decryptFrame(ciphertext, new Uint8Array(0), { stream_id: 5 }),
      () => stc.decryptFrame(ciphertext, Uint8Array.of(2, ...metadata.subarray(1)), { stream_id: 5 }),
    ];
    for (const call of refused) expect(code(call)).toBe('ERR_STT_AUTHENTICATION');
    expect(new Set(refused.map((call) => messageOf(call))).size).toBe(1);
  });

  it('draws a nonce for every frame', () => {
    expect(hex(stc.encryptFrame(text('a')).metadata)).not.toBe(hex(stc.encryptFrame(text('a')).metadata));
  });

  it('tells stream contexts apart by session and stream', () => {
    const key = (context: { chunkKey(salt: Uint8Array, info: Uint8Array): Uint8Array }): string =>
      hex(context.chunkKey(text('salt'), text('info')))!;
    const streamKey = Buffer.from(expand('stream', Uint8Array.of(...ID, 0, 0, 1, 2)), 'hex');
    const expected = Buffer.from(hkdfSync('sha256', streamKey, 'salt', 'info', 32)).toString('hex');
    expect(key(stc.createStreamContext(ID, 258))).toBe(expected);
    expect(key(stc.createStreamContext(ID, 259))).not.toBe(expected);
    expect(
      key(
        stc.createStreamContext(
          ID.map((octet) => octet + 1),
          258,
        ),
      ),
    ).not.toBe(expected);
  });
});

describe('The contract', () => {
  it('refuses ids and keys of another size', () => {
    const stc = make();
    expect(code(() => stc.createStreamContext(ID.subarray(1), 1))).toBe('ERR_STT_OPTION_RANGE');
    for (const streamId of [-1, 2 ** 32, 1.5, NaN]) {
      expect(code(() => stc.createStreamContext(ID, streamId))).toBe('ERR_STT_OPTION_RANGE');
    }
    expect(code(() => stc.rotateSessionKey(ID, ID))).toBe('ERR_STT_OPTION_RANGE');
  });

  it('separates the purposes of one seed', () => {
    const keys = ['a', 'b'].flatMap((instance) => [
      nodeResetKey(provider, SEED, instance),
      nodeKeyPair(provider, SEED).privateKey,
      make().deriveSessionKey({ instance }),
      make().hashData(text(instance)),
    ]);
    expect(new Set(keys.map(hex)).size).toBe(7);
  });

  it('gives a node the id of the identity stt_node_identity', () => {
    expect(hex(nodeKeyPair(provider, SEED).publicKey)).toBe(hex(make().generateNodeId(text('stt_node_identity'))));
  });
});

describe('A seed', () => {
  it('of fewer than 16 octets is refused', () => {
    for (const length of [0, 1, 15]) {
      expect(() => make(new Uint8Array(length))).toThrow(STTCryptoError);
      expect(code(() => make(new Uint8Array(length)))).toBe('ERR_STT_SEED_TOO_SHORT');
    }
  });

  it('of fewer than 32 octets is accepted with a warning that does not show it', () => {
    const warnings: unknown[][] = [];
    const warn = (...told: unknown[]): void => void warnings.push(told);
    new STCWrapper(new Uint8Array(32), { provider, warn });
    expect(warnings).toEqual([]);
    new STCWrapper(new Uint8Array(16).fill(0xab), { provider, warn });
    expect(warnings).toEqual([['seed', 16]]);
  });

  it('that is short warns a process once', async () => {
    const heard: Error[] = [];
    const listener = (warning: Error): void => void heard.push(warning);
    process.on('warning', listener);
    new NodeSTCWrapper(new Uint8Array(16));
    new NodeSTCWrapper(new Uint8Array(20));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    const ours = heard.filter((warning) => (warning as { code?: string }).code === 'STT_SHORT_SEED');
    expect(ours.length).toBe(1);
    expect(ours[0]!.message).toContain('16 octets');
  });
});

describe('STCWrapper in Node', () => {
  it('takes the backend that is asked for, and knows its options', () => {
    expect(new NodeSTCWrapper(SEED, { backend: 'js' }).crypto.name).toBe('node');
    expect(code(() => new NodeSTCWrapper(SEED, { backend: 'wasm' as 'js' }))).toBe('ERR_STT_OPTION_RANGE');
    expect(code(() => new NodeSTCWrapper(SEED, { bakend: 'js' } as object))).toBe('ERR_STT_UNKNOWN_OPTION');
  });
});

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}
