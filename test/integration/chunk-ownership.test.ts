import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BACKEND, nodePair } from '../support/nodes.js';

const GIB = 2 ** 30;
const CHUNK = 2 ** 20;

describe(`chunks of a stream (${BACKEND})`, () => {
  it(
    'belong to their reader for ever: 1 GiB of them, all kept, hash to what was sent',
    { timeout: 240_000 },
    async () => {
      await using pair = await nodePair();
      const { client, server } = await pair.connect();
      const kept: Buffer[] = [];
      const received = new Promise<void>((resolve, reject) => {
        server.on('stream', (stream) => {
          stream.on('data', (chunk: Buffer) => kept.push(chunk));
          stream.on('end', resolve);
          stream.on('error', reject);
        });
      });
      const stream = await client.openStream();
      const sent = createHash('sha256');
      const seed = randomBytes(CHUNK);
      for (let octets = 0; octets < GIB; octets += CHUNK) {
        // Every chunk differs from every other, so that no mix-up goes unseen.
        const chunk = Buffer.from(seed);
        chunk.writeDoubleBE(octets, (octets / CHUNK) % (CHUNK - 8));
        sent.update(chunk);
        if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
      }
      stream.end();
      await received;
      expect(kept.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(GIB);
      const hash = createHash('sha256');
      for (const chunk of kept) hash.update(chunk);
      expect(hash.digest('hex')).toBe(sent.digest('hex'));
    },
  );
});
