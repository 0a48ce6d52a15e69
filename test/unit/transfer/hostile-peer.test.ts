import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { STTError } from '../../../lib/errors.js';
import { DirectoryDestination } from '../../../lib/transfer/destination.js';
import { HashWorker } from '../../../lib/transfer/hash-worker.js';
import { MessageReader, type Message } from '../../../lib/transfer/message-stream.js';
import {
  Fields,
  MAX_BODY,
  MAX_DATA,
  MAX_OUTSTANDING,
  MessageType,
  encodeHeader,
  encodeMessage,
  type MessageBody,
} from '../../../lib/transfer/messages.js';
import { receiveFiles } from '../../../lib/transfer/receiver.js';
import { sendFiles } from '../../../lib/transfer/sender.js';
import { sourceOf } from '../../../lib/transfer/source-tree.js';
import { TargetDirectory } from '../../../lib/transfer/target-directory.js';
import { duplexPair } from '../../support/duplex-pair.js';
import { temporaryDirectory } from '../../support/temporary.js';

const hashes = new HashWorker();
afterAll(() => hashes.close());

const HELLO = { versions: [1], files: 1, roots: [] };

/** A receiver, and the other end of its stream in the hands of the test. */
class Peer {
  readonly #stream: Duplex;
  readonly #reader: MessageReader;
  readonly result: Promise<unknown>;
  readonly parent: string;
  readonly out: string;

  private constructor(stream: Duplex, result: Promise<unknown>, parent: string) {
    this.#stream = stream;
    this.#reader = new MessageReader(stream);
    this.result = result;
    this.parent = parent;
    this.out = join(parent, 'out');
  }

  static async open(): Promise<Peer> {
    const parent = await temporaryDirectory();
    await writeFile(join(parent, 'outside'), 'precious');
    const target = await TargetDirectory.open(join(parent, 'out'), { force: true });
    const [a, b] = duplexPair();
    const result = receiveFiles(b, new DirectoryDestination(target), hashes).catch((error: unknown) => error);
    return new Peer(a, result, parent);
  }

  static async welcomed(): Promise<Peer> {
    const peer = await Peer.open();
    peer.send(MessageType.HELLO, HELLO);
    expect((await peer.next())?.type).toBe(MessageType.WELCOME);
    return peer;
  }

  send(type: number, body: MessageBody): void {
    this.#stream.write(encodeMessage(type, body));
  }

  raw(...pieces: Uint8Array[]): void {
    for (const piece of pieces) this.#stream.write(piece);
  }

  data(octets: Uint8Array): void {
    this.raw(encodeHeader(MessageType.DATA, octets.length), octets);
  }

  async next(): Promise<Message | undefined> {
    return this.#reader.next();
  }

  async reply(): Promise<{ type: number; fields: Fields }> {
    const message = await this.next();
    return { type: message!.type, fields: new Fields(message!.body) };
  }

  async expectBreach(): Promise<void> {
    expect(await this.result).toMatchObject({ code: 'ERR_STT_TRANSFER_PROTOCOL' });
    this.#stream.destroy();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }
}

const file = (id: number, path: string, size?: number): MessageBody => ({ id, kind: 'file', path, size });

describe('a receiver facing a hostile sender', () => {
  for (const path of [
    '',
    '.',
    '..',
    '../outside',
    'a/../../outside',
    'a/./b',
    'a//b',
    'a/',
    '/etc/passwd',
    'nul\0octet',
    '.x.stt-part',
    'x'.repeat(256),
    'd/'.repeat(300) + 'f',
    `${'y'.repeat(200)}/`.repeat(21) + 'f',
  ]) {
    it(`refuses the name ${JSON.stringify(path).slice(0, 40)}`, async () => {
      const peer = await Peer.welcomed();
      peer.send(MessageType.ENTRY, file(0, path, 3));
      peer.send(MessageType.ENTRY, { id: 1, kind: 'directory', path });
      for (const id of [0, 1]) {
        const { type, fields } = await peer.reply();
        expect(type).toBe(MessageType.REJECT);
        expect(fields.integer('id', 0, 1)).toBe(id);
        expect(fields.text('code', 32)).toBe('name');
      }
      peer.send(MessageType.FINISH, {});
      expect((await peer.next())?.type).toBe(MessageType.FINISHED);
      peer.end();
      await peer.result;
      expect(await readdir(peer.parent)).toEqual(['out', 'outside']);
      expect(await readdir(peer.out)).toEqual([]);
    });
  }

  it('removes a file whose hash is wrong', async () => {
    const peer = await Peer.welcomed();
    peer.send(MessageType.ENTRY, file(0, 'f', 3));
    await peer.next();
    peer.send(MessageType.BEGIN, { id: 0, offset: 0 });
    peer.data(Buffer.from('abc'));
    peer.send(MessageType.END, { id: 0, size: 3, sha256: randomBytes(32) });
    expect((await peer.reply()).fields.text('code', 32)).toBe('integrity');
    expect(await readdir(peer.out)).toEqual([]);
    peer.destroy();
  });

  it('refuses more and fewer octets than announced', async () => {
    const peer = await Peer.welcomed();
    peer.send(MessageType.ENTRY, file(0, 'f', 3));
    peer.send(MessageType.ENTRY, file(1, 'g', 3));
    await peer.next();
    await peer.next();
    peer.send(MessageType.BEGIN, { id: 0, offset: 0 });
    peer.data(Buffer.from('abcd'));
    expect((await peer.reply()).type).toBe(MessageType.REJECT);
    peer.send(MessageType.BEGIN, { id: 1, offset: 0 });
    peer.data(Buffer.from('ab'));
    peer.send(MessageType.END, { id: 1, size: 2, sha256: createHash('sha256').update('ab').digest() });
    expect((await peer.reply()).type).toBe(MessageType.REJECT);
    expect(await readdir(peer.out)).not.toContain('f');
    expect(await readdir(peer.out)).not.toContain('g');
    peer.destroy();
  });

  it('does not believe in a beginning that it did not offer', async () => {
    const peer = await Peer.welcomed();
    peer.send(MessageType.ENTRY, file(0, 'f', 1_000_000));
    await peer.next();
    peer.send(MessageType.BEGIN, { id: 0, offset: 999_999, prefix: randomBytes(32) });
    expect((await peer.reply()).type).toBe(MessageType.REJECT);
    peer.destroy();
  });

  it('lets one transfer at a time receive a name', async () => {
    const peer = await Peer.welcomed();
    peer.send(MessageType.ENTRY, file(0, 'f', 1));
    peer.send(MessageType.ENTRY, file(1, 'f', 1));
    expect((await peer.reply()).type).toBe(MessageType.ACCEPT);
    expect((await peer.reply()).fields.text('code', 32)).toBe('busy');
    peer.destroy();
  });

  it('refuses a file that is larger than the free space', async () => {
    const peer = await Peer.welcomed();
    peer.send(MessageType.ENTRY, file(0, 'f', Number.MAX_SAFE_INTEGER));
    expect((await peer.reply()).fields.text('code', 32)).toBe('no-space');
    expect(await readdir(peer.out)).toEqual([]);
    peer.destroy();
  });

  it('refuses a version that it does not speak', async () => {
    const peer = await Peer.open();
    peer.send(MessageType.HELLO, { ...HELLO, versions: [2, 77] });
    const { type, fields } = await peer.reply();
    expect(type).toBe(MessageType.REFUSED);
    expect(fields.text('code', 32)).toBe('version');
    peer.end();
    expect(await peer.result).toMatchObject({ code: 'ERR_STT_TRANSFER_REFUSED' });
  });

  it('keeps setuid, setgid and sticky bits out', async () => {
    const peer = await Peer.welcomed();
    peer.send(MessageType.ENTRY, { ...file(0, 'f', 0), mode: 0o4755 });
    await peer.expectBreach();
  });

  const breaches: Record<string, (peer: Peer) => void> = {
    'an unknown type': (peer) => peer.send(0x55, {}),
    'a message of the receiver': (peer) => peer.send(MessageType.WELCOME, {}),
    'a second HELLO': (peer) => peer.send(MessageType.HELLO, HELLO),
    'an over-long message': (peer) => peer.raw(encodeHeader(MessageType.ENTRY, MAX_BODY + 1)),
    'over-long DATA': (peer) => peer.raw(encodeHeader(MessageType.DATA, MAX_DATA + 1)),
    'empty DATA': (peer) => peer.raw(encodeHeader(MessageType.DATA, 0)),
    'a body that is no dictionary': (peer) => peer.raw(encodeHeader(MessageType.ENTRY, 3), Buffer.from('abc')),
    'a missing field': (peer) => peer.send(MessageType.ENTRY, { id: 1, kind: 'file' }),
    'a wrong type': (peer) => peer.send(MessageType.ENTRY, { ...file(0, 'f', 1), size: '1' }),
    'a negative size': (peer) => peer.send(MessageType.ENTRY, file(0, 'f', -1)),
    'a size beyond numbers': (peer) => peer.send(MessageType.ENTRY, { ...file(0, 'f'), size: 2n ** 63n }),
    'an id twice': (peer) => {
      peer.send(MessageType.ENTRY, file(0, 'f', 1));
      peer.send(MessageType.ENTRY, file(0, 'g', 1));
    },
    'too many entries ahead': (peer) => {
      for (let i = 0; i <= MAX_OUTSTANDING; i++) peer.send(MessageType.ENTRY, file(i, `f${i}`, 1));
    },
    'BEGIN inside of a file': (peer) => {
      peer.send(MessageType.ENTRY, file(0, 'f', 1));
      peer.send(MessageType.ENTRY, file(1, 'g', 1));
      peer.send(MessageType.BEGIN, { id: 0, offset: 0 });
      peer.send(MessageType.BEGIN, { id: 1, offset: 0 });
    },
    'FINISH before the entries were sent': (peer) => {
      peer.send(MessageType.ENTRY, file(0, 'f', 1));
      peer.send(MessageType.FINISH, {});
    },
    'the end before FINISH': (peer) => peer.end(),
    'the end inside of a message': (peer) => {
      peer.raw(encodeHeader(MessageType.ENTRY, 50), randomBytes(20));
      peer.end();
    },
  };
  for (const [name, act] of Object.entries(breaches)) {
    it(`breaks off at ${name}`, async () => {
      const peer = await Peer.welcomed();
      act(peer);
      await peer.expectBreach();
    });
  }

  it('ends with an error of its own, and writes nothing, whatever octets come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 300 }), async (isWelcomed, octets) => {
        const peer = isWelcomed ? await Peer.welcomed() : await Peer.open();
        peer.raw(octets);
        peer.end();
        expect(await peer.result).toBeInstanceOf(STTError);
        expect(await readdir(peer.out)).toEqual([]);
        peer.destroy();
      }),
      { numRuns: 60 },
    );
  });
});

describe('a sender facing a hostile receiver', () => {
  type Act = (stream: Duplex, until: (type: number) => Promise<void>) => unknown;

  async function sendTo(act: Act): Promise<unknown> {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    await writeFile(join(directory, 'd', 'f'), randomBytes(100_000));
    const [a, b] = duplexPair();
    const reader = new MessageReader(b);
    const result = sendFiles(a, [await sourceOf(join(directory, 'd'))], hashes).catch((error: unknown) => error);
    await act(b, async (type) => {
      for (;;) {
        const message = await reader.next();
        while (reader.dataLeft > 0) await reader.takeData();
        if (message === undefined || message.type === type) return;
      }
    });
    const outcome = await result;
    b.destroy();
    return outcome;
  }
  const say = (stream: Duplex, type: number, body: MessageBody): void => void stream.write(encodeMessage(type, body));

  const breaches: Record<string, Act> = {
    'a version that was not offered': (s) => say(s, MessageType.WELCOME, { version: 9 }),
    'FINISHED before everything was answered': async (s, until) => {
      say(s, MessageType.WELCOME, { version: 1 });
      await until(MessageType.ENTRY);
      say(s, MessageType.FINISHED, {});
    },
    'more octets there than the file has': async (s, until) => {
      say(s, MessageType.WELCOME, { version: 1 });
      await until(MessageType.ENTRY);
      await until(MessageType.ENTRY);
      say(s, MessageType.ACCEPT, { id: 1, offset: 100_001 });
    },
    'DONE for what was not sent': (s) => say(s, MessageType.DONE, { id: 1, status: 'written' }),
    DATA: (s) => s.write(Buffer.concat([encodeHeader(MessageType.DATA, 3), Buffer.from('abc')])),
    'an early end': (s) => s.end(),
    nonsense: (s) => s.end(randomBytes(400)),
  };
  for (const [name, act] of Object.entries(breaches)) {
    it(`breaks off at ${name}`, async () => {
      expect(await sendTo(act)).toMatchObject({ code: 'ERR_STT_TRANSFER_PROTOCOL' });
    });
  }

  it('names the file whose hash was different there', async () => {
    const summary = await sendTo(async (s, until) => {
      say(s, MessageType.WELCOME, { version: 1 });
      await until(MessageType.ENTRY);
      say(s, MessageType.ACCEPT, { id: 0, offset: 0 });
      await until(MessageType.ENTRY);
      say(s, MessageType.ACCEPT, { id: 1, offset: 0 });
      await until(MessageType.BEGIN);
      say(s, MessageType.REJECT, { id: 1, code: 'integrity', reason: '' });
      await until(MessageType.FINISH);
      say(s, MessageType.FINISHED, {});
      s.end();
    });
    expect(summary).toMatchObject({ filesFailed: 1, firstFailure: { code: 'ERR_STT_TRANSFER_INTEGRITY' } });
    expect((summary as { firstFailure: Error }).firstFailure.message).toContain('d/f');
  });

  it('fails when the stream is closed without a word', async () => {
    expect(await sendTo((s) => s.destroy())).toMatchObject({ code: 'ERR_STT_TRANSFER_FAILED' });
  });

  it('shows the reason of a refusal without its control characters', async () => {
    const error = await sendTo((s) => say(s, MessageType.REFUSED, { code: 'strange', reason: 'no\u001b[2Jway\n' }));
    expect(error).toMatchObject({ code: 'ERR_STT_TRANSFER_REFUSED', refusal: 'io' });
    expect((error as Error).message).toContain('no\\u001b[2Jway\\u000a');
  });
});
