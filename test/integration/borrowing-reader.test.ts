import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { STTSession, STTStream } from '../../lib/index.js';
import { BACKEND, type NodePair, nodePair } from '../support/nodes.js';

const CHUNK = 65_536;

interface Ends {
  readonly writer: STTStream;
  readonly reader: STTStream;
  /** The session, as the writer's side and the reader's side have it. */
  readonly client: STTSession;
  readonly server: STTSession;
}

async function streams(pair: NodePair): Promise<Ends> {
  const { client, server } = await pair.connect();
  const accepted = new Promise<STTStream>((resolve) => server.once('stream', resolve));
  const writer = await client.openStream();
  writer.write('!'); // What tells the other side of the stream.
  return { writer, reader: await accepted, client, server };
}

/** Writes `count` chunks that all differ, and gives the hash of everything the stream carries. */
async function writeChunks(stream: STTStream, count: number): Promise<string> {
  const hash = createHash('sha256').update('!');
  const seed = randomBytes(CHUNK);
  for (let i = 0; i < count; i++) {
    const chunk = Buffer.from(seed);
    chunk.writeUInt32BE(i, (i * 4) % (CHUNK - 4));
    hash.update(chunk);
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
  return hash.digest('hex');
}

describe(`the borrowing reader (${BACKEND})`, () => {
  it('gets every octet in order and ends with the stream', async () => {
    await using pair = await nodePair();
    const { writer, reader } = await streams(pair);
    const hash = createHash('sha256');
    const read = reader.readBorrowed((chunk) => void hash.update(chunk));
    const sent = await writeChunks(writer, 1000);
    await read;
    expect(hash.digest('hex')).toBe(sent);
  });

  it('gets nothing while its promise is open, and everything afterwards', async () => {
    await using pair = await nodePair();
    const { writer, reader } = await streams(pair);
    const hash = createHash('sha256');
    let busy = false;
    const read = reader.readBorrowed(async (chunk) => {
      expect(busy).toBe(false);
      hash.update(chunk);
      busy = true;
      await new Promise((resolve) => setImmediate(resolve));
      busy = false;
    });
    const sent = await writeChunks(writer, 300);
    await read;
    expect(hash.digest('hex')).toBe(sent);
  });

  it('holds the peer back: while a promise is open the sender gets no further than its window', async () => {
    await using pair = await nodePair({ maxStreamWindow: 262_144 });
    const { writer, reader, client } = await streams(pair);
    let open: (() => void) | undefined;
    let octets = 0;
    const read = reader.readBorrowed((chunk) => {
      octets += chunk.length;
      if (octets > 1) return new Promise<void>((resolve) => (open ??= resolve));
      return undefined;
    });
    const total = 200 * CHUNK;
    const whole = Buffer.alloc(total, 3);
    writer.end(whole);
    // The window is used up: nothing more is acknowledged, however often the peer is asked.
    for (let last = -1; writer.unacknowledgedOctets !== last;) {
      last = writer.unacknowledgedOctets;
      for (let i = 0; i < 20; i++) await client.ping();
    }
    expect(writer.unacknowledgedOctets).toBeGreaterThan(total - 2 * 1_048_576);
    expect(reader.readableLength).toBeLessThanOrEqual(2 * 262_144);
    expect(open).toBeDefined();
    octets = -Infinity; // From here on all at once.
    open!();
    await read;
  });

  it('rejects with what the handler threw, and the other side sees the stream refused', async () => {
    await using pair = await nodePair();
    const { writer, reader } = await streams(pair);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => writer.once('error', resolve));
    const wrong = new Error('the disk is full');
    await expect(
      reader.readBorrowed(() => {
        throw wrong;
      }),
    ).rejects.toBe(wrong);
    expect(['ERR_STT_STREAM_STOPPED', 'ERR_STT_STREAM_RESET']).toContain((await failed).code);
  });

  it('rejects with what its promise was rejected with', async () => {
    await using pair = await nodePair();
    const { reader } = await streams(pair);
    const wrong = new Error('later');
    await expect(reader.readBorrowed(() => Promise.reject(wrong))).rejects.toBe(wrong);
    expect(reader.destroyed).toBe(true);
  });

  it('rejects with the reset of the peer, and with the end of the session', async () => {
    await using pair = await nodePair();
    const first = await streams(pair);
    const reset = first.reader.readBorrowed(() => {});
    first.writer.destroy();
    await expect(reset).rejects.toMatchObject({ code: 'ERR_STT_STREAM_RESET' });
    const second = await streams(pair);
    const ended = second.reader.readBorrowed(() => {});
    second.server.destroy();
    await expect(ended).rejects.toMatchObject({ code: 'ERR_STT_CLOSED' });
  });

  it('gets all that came before the session ended, though its promise was open then', async () => {
    await using pair = await nodePair();
    const { writer, reader, client, server } = await streams(pair);
    const taken: Buffer[] = [];
    let release: (() => void) | undefined;
    const read = reader.readBorrowed((chunk) => {
      taken.push(Buffer.from(chunk));
      return new Promise<void>((resolve) => (release = resolve));
    });
    const gone = new Promise((resolve) => server.once('close', resolve));
    writer.end('all of it');
    await client.close();
    await gone;
    // One promise after the other, until there is no more.
    const over = read.then(() => true);
    for (let done = false; !done;) {
      release?.();
      release = undefined;
      done = await Promise.race([over, new Promise<boolean>((resolve) => setImmediate(resolve, false))]);
    }
    expect(Buffer.concat(taken).toString()).toBe('!all of it');
  });

  it('ends by its signal', async () => {
    await using pair = await nodePair();
    const { reader } = await streams(pair);
    const controller = new AbortController();
    const read = reader.readBorrowed(() => controller.abort(), { signal: controller.signal });
    await expect(read).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });

  it('is refused where something else reads, and twice', async () => {
    await using pair = await nodePair();
    const { reader } = await streams(pair);
    const read = reader.readBorrowed(() => {});
    await expect(reader.readBorrowed(() => {})).rejects.toMatchObject({ code: 'ERR_STT_INVALID_STATE' });
    reader.destroy();
    await expect(read).rejects.toThrow();
    const other = await streams(pair);
    other.reader.on('data', () => {});
    await expect(other.reader.readBorrowed(() => {})).rejects.toMatchObject({ code: 'ERR_STT_INVALID_STATE' });
  });
});
