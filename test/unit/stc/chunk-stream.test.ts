import { createCipheriv, hkdfSync } from 'node:crypto';
import { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CryptoProvider } from '../../../lib/ports/crypto.js';
import { StreamDecoder, StreamEncoder } from '../../../lib/api/chunk-stream.js';
import { STCWrapper } from '../../../lib/stc/stc-wrapper.js';
import type { StreamContext } from '../../../lib/stc/stream-context.js';
import { describeProviders, provider, providers } from '../../support/crypto-providers.js';

const SEED = new Uint8Array(32).fill(7);
const SESSION = new Uint8Array(8).fill(3);
const OVERHEAD = 37;

const contextOf = (crypto: CryptoProvider, streamId = 5): StreamContext =>
  new STCWrapper(SEED, { provider: crypto }).createStreamContext(SESSION, streamId);
const context = contextOf(provider);
const octets = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
const seal = (data: Uint8Array, size: number): Uint8Array[] => [...new StreamEncoder(context, size).encodeBytes(data)];
const open = (chunks: Iterable<Uint8Array>): Uint8Array => new StreamDecoder(context).decodeToBytes(chunks);
const coded = (code: string): unknown => expect.objectContaining({ code });
const REFUSED = coded('ERR_STT_CHUNK_REFUSED');
const INCOMPLETE = coded('ERR_STT_CHUNKS_INCOMPLETE');
const FORGED = coded('ERR_STT_AUTHENTICATION');

async function all(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

describeProviders('sealed chunks', (crypto) => {
  it('have the format of STT §8', () => {
    const mine = contextOf(crypto);
    const [chunk] = [...new StreamEncoder(mine).encodeBytes(octets(100))];
    const header = chunk!.subarray(0, 21);
    expect([...header.subarray(16)]).toEqual([0, 0, 0, 0, 1]);
    const key = mine.chunkKey(header.subarray(0, 16), Buffer.from('STT v1 chunks'));
    const nonce = Buffer.concat([Buffer.alloc(7), header.subarray(16)]);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(header);
    const body = Buffer.concat([cipher.update(octets(100)), cipher.final(), cipher.getAuthTag()]);
    expect(Buffer.from(chunk!.subarray(21)).equals(body)).toBe(true);
  });

  it('derive their key from the stream key by HKDF', () => {
    const root = new STCWrapper(SEED, { provider: crypto });
    const prk = crypto.hkdfExtract(Buffer.from('STC v1 root'), SEED);
    const info = Buffer.concat([Buffer.from('stream\0'), SESSION, Buffer.from([0, 0, 0, 5])]);
    const streamKey = crypto.hkdfExpand(prk, info, 32);
    const salt = octets(16);
    const expected = Buffer.from(hkdfSync('sha256', streamKey, salt, 'STT v1 chunks', 32));
    const derived = root.createStreamContext(SESSION, 5).chunkKey(salt, Buffer.from('STT v1 chunks'));
    expect(expected.equals(derived)).toBe(true);
  });

  it('are opened by every implementation', () => {
    for (const other of providers) {
      const chunks = [...new StreamEncoder(contextOf(crypto), 100).encodeBytes(octets(250))];
      expect(new StreamDecoder(contextOf(other)).decodeToBytes(chunks)).toEqual(octets(250));
    }
  });

  it.each([0, 1, 99, 100, 101, 200, 250])('carry %i octets in chunks of 100', (length) => {
    const mine = contextOf(crypto);
    const chunks = [...new StreamEncoder(mine, 100).encodeBytes(octets(length))];
    expect(chunks.length).toBe(Math.max(1, Math.ceil(length / 100)));
    expect(chunks.map((chunk) => chunk[20])).toEqual(chunks.map((_, i) => (i === chunks.length - 1 ? 1 : 0)));
    expect(new StreamDecoder(mine).decodeToBytes(chunks)).toEqual(octets(length));
  });

  it('fail with one error for every flipped octet that is not a format error', () => {
    const mine = contextOf(crypto);
    const [first, last] = [...new StreamEncoder(mine, 20).encodeBytes(octets(30))];
    for (let at = 0; at < last!.length; at++) {
      const forged = last!.slice();
      forged[at]! ^= 0x80;
      const decode = (): Uint8Array => new StreamDecoder(mine).decodeToBytes([first!, forged]);
      expect(decode).toThrow(at < 21 ? REFUSED : FORGED);
    }
  });
});

describe('a stream of sealed chunks', () => {
  it('never uses a key twice, also when an encoder is used again', () => {
    const encoder = new StreamEncoder(context, 10);
    const salts = [1, 2, 3].map(() => [...encoder.encodeBytes(octets(5))][0]!.subarray(0, 16).join());
    expect(new Set(salts).size).toBe(3);
  });

  it('cannot be opened as another stream', () => {
    const decoder = new StreamDecoder(contextOf(provider, 6));
    expect(() => decoder.decodeToBytes(seal(octets(5), 10))).toThrow(FORGED);
  });

  it('is incomplete when it is cut after any chunk', () => {
    const chunks = seal(octets(95), 10);
    for (let count = 0; count < chunks.length; count++) {
      expect(() => open(chunks.slice(0, count))).toThrow(INCOMPLETE);
    }
  });

  it('is refused when a chunk is cut at any octet', () => {
    const [chunk] = seal(octets(20), 64);
    for (let length = 0; length < chunk!.length; length++) {
      expect(() => open([chunk!.subarray(0, length)])).toThrow(length < OVERHEAD ? REFUSED : FORGED);
    }
    expect(() => open([Buffer.concat([chunk!, Buffer.alloc(1)])])).toThrow(FORGED);
  });

  it('is incomplete when any chunk is missing', () => {
    const chunks = seal(octets(95), 10);
    for (let i = 0; i < chunks.length; i++) {
      expect(() => open(chunks.filter((_, at) => at !== i))).toThrow(INCOMPLETE);
    }
  });

  it('is refused when any chunk comes twice, at any later place', () => {
    const chunks = seal(octets(45), 10);
    for (let i = 0; i < chunks.length; i++) {
      for (let at = i + 1; at <= chunks.length; at++) {
        expect(() => open(chunks.toSpliced(at, 0, chunks[i]!))).toThrow(REFUSED);
      }
    }
  });

  it('is refused when it is spliced from two streams of the same key', () => {
    const [a, b] = [seal(octets(45), 10), seal(octets(45), 10)];
    for (let at = 1; at < a.length; at++) expect(() => open([...a.slice(0, at), ...b.slice(at)])).toThrow(REFUSED);
    expect(() => open([...a, ...b])).toThrow(REFUSED);
  });

  it('is refused when a chunk claims to be the last, or not to be', () => {
    const chunks = seal(octets(45), 10);
    const flip = (i: number): Uint8Array[] =>
      chunks.map((chunk, at) => {
        const copy = chunk.slice();
        if (at === i) copy[20]! ^= 1;
        return copy;
      });
    for (let i = 0; i < chunks.length; i++) expect(() => open(flip(i))).toThrow(FORGED);
    expect(() => open(flip(1).toReversed())).toThrow(REFUSED);
  });

  it('may come in any order within the window, and not beyond', () => {
    const chunks = seal(octets(95), 10);
    expect(open(chunks.toReversed())).toEqual(octets(95));
    const narrow = new StreamDecoder(context, { reorderWindow: 2 });
    expect(() => narrow.decodeToBytes([chunks[3]!])).toThrow(REFUSED);
    expect(() => narrow.decodeToBytes([chunks[2]!])).toThrow(INCOMPLETE);
    const small = new StreamDecoder(context, { maxBuffered: 25 });
    expect(() => small.decodeToBytes([chunks[1]!, chunks[2]!])).toThrow(INCOMPLETE);
    expect(() => small.decodeToBytes([chunks[1]!, chunks[2]!, chunks[3]!])).toThrow(REFUSED);
  });

  it('is refused when a chunk is over the limit, before it is opened', () => {
    expect(() => new StreamDecoder(context, { maxChunkSize: 9 }).decodeToBytes(seal(octets(10), 10))).toThrow(REFUSED);
  });

  it('survives a carrier that uses its memory again', async () => {
    const shared = Buffer.alloc(10 + OVERHEAD);
    function* carrier(): Generator<Uint8Array> {
      for (const chunk of seal(octets(40), 10)) {
        shared.set(chunk);
        yield shared;
        shared.fill(0);
      }
    }
    expect(open(carrier())).toEqual(octets(40));
    expect(await all(new StreamDecoder(context).decode(carrier()))).toEqual(octets(40));
  });

  it('survives a source that uses its memory again', async () => {
    const shared = Buffer.alloc(7);
    function* source(): Generator<Uint8Array> {
      for (let at = 0; at < 70; at += 7) {
        shared.set(octets(70).subarray(at, at + 7));
        yield shared;
        shared.fill(0);
      }
    }
    const decoded = new StreamDecoder(context).decode(new StreamEncoder(context, 10).encode(source()));
    expect(await all(decoded)).toEqual(octets(70));
  });

  it('takes from its source only what is asked for', async () => {
    let taken = 0;
    let isEnded = false;
    function* source(): Generator<Uint8Array> {
      try {
        for (;;) {
          taken++;
          yield octets(10);
        }
      } finally {
        isEnded = true;
      }
    }
    const chunks = new StreamEncoder(context, 10).encode(source());
    const decoded = new StreamDecoder(context).decode(chunks);
    for (let i = 0; i < 100; i++) await decoded.next();
    expect(taken).toBe(101);
    // Who leaves early ends the source, too.
    await decoded.return();
    expect(isEnded).toBe(true);
  });

  it('ends its source when a chunk is refused', async () => {
    const source = Readable.from([Buffer.alloc(100), Buffer.alloc(100)]);
    await expect(all(new StreamDecoder(context).decode(source))).rejects.toEqual(FORGED);
    expect(source.destroyed).toBe(true);
  });

  it('passes on the error of its source', async () => {
    const source = Readable.from(
      (async function* () {
        yield octets(5);
        throw new RangeError('source');
      })(),
    );
    await expect(all(new StreamEncoder(context).encode(source))).rejects.toThrow('source');
  });

  it('works in a pipeline of Node streams', async () => {
    const parts: Uint8Array[] = [];
    await pipeline(
      Readable.from([octets(100_000), octets(5)]),
      Duplex.from((source: AsyncIterable<Uint8Array>) => new StreamEncoder(context).encode(source)),
      (chunks: AsyncIterable<Uint8Array>) => new StreamDecoder(context).decode(chunks),
      async (opened: AsyncIterable<Uint8Array>) => {
        for await (const part of opened) parts.push(part);
      },
    );
    expect(Buffer.concat(parts).equals(Buffer.concat([octets(100_000), octets(5)]))).toBe(true);
  });

  it('works through Web Streams, and fails there for the same reasons', async () => {
    const chunks = ReadableStream.from<Uint8Array>([octets(25)])
      .pipeThrough(new StreamEncoder(context, 10).toTransformStream())
      .pipeThrough(new StreamDecoder(context).toTransformStream());
    expect(await all(chunks)).toEqual(octets(25));
    const cut = ReadableStream.from<Uint8Array>(seal(octets(25), 10).slice(0, 2));
    await expect(all(cut.pipeThrough(new StreamDecoder(context).toTransformStream()))).rejects.toEqual(INCOMPLETE);
  });

  it('refuses options and sources that it cannot use', () => {
    const range = coded('ERR_STT_OPTION_RANGE');
    expect(() => new StreamEncoder(context, 0)).toThrow(range);
    expect(() => new StreamEncoder(context, 16_777_217)).toThrow(range);
    expect(() => new StreamDecoder(context, { maxBuffered: -1 })).toThrow(range);
    expect(() => new StreamDecoder(context, { reorderwindow: 1 } as never)).toThrow(coded('ERR_STT_UNKNOWN_OPTION'));
    expect(() => [...new StreamEncoder(context).encodeBytes('text' as never)]).toThrow(range);
    expect(() => open(octets(3) as never)).toThrow(range);
  });

  it('comes back whole from any pieces, in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 70 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        async (pieces, size, random) => {
          const whole = new Uint8Array(Buffer.concat(pieces));
          const chunks: Uint8Array[] = [];
          for await (const chunk of new StreamEncoder(context, size).encode(pieces)) chunks.push(chunk);
          const shuffled = chunks
            .map((chunk) => ({ chunk, key: random.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ chunk }) => chunk);
          const decoder = new StreamDecoder(context, { reorderWindow: 1000 });
          expect(await all(decoder.decode(shuffled))).toEqual(whole);
          expect(decoder.decodeToBytes(shuffled)).toEqual(whole);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('never opens what is no sealed chunk', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 }), (chunks) => {
        expect(() => open(chunks)).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^ERR_STT_(CHUNK|AUTH)/) as string }),
        );
      }),
    );
  });
});
