import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  parsePeer,
  parseRing,
  parseSession,
  type PeerRecord,
  type SessionRecord,
} from '../../../lib/api/node-record-forms.js';
import { PeerBook } from '../../../lib/api/peer-book.js';
import { MAX_SESSION_RECORDS, SessionJournal, listSessions } from '../../../lib/api/session-journal.js';
import { collect, memoryChamber } from '../../support/chambers.js';

const peer = (i: number, lastSeen = i): PeerRecord => ({
  nodeId: new Uint8Array(32).fill(i),
  firstSeen: lastSeen,
  lastSeen,
  sessions: 1,
  address: '192.0.2.1',
  port: i,
  transport: 'udp',
});

const unwritten = (): never => expect.unreachable();

describe('the book of peers', () => {
  it('keeps no more than its bound: those not seen for the longest time go', async () => {
    const { chamber } = await memoryChamber();
    const book = new PeerBook(chamber, 64);
    for (let i = 0; i < 200; i += 10) {
      await book.write(
        Array.from({ length: 10 }, (_, k) => peer(i + k)),
        unwritten,
      );
    }
    const ports = (await collect(book.list())).map(({ port }) => port).toSorted((a, b) => a - b);
    expect(ports.length).toBeLessThanOrEqual(64 + 10);
    expect(ports.length).toBeGreaterThanOrEqual(60);
    expect(ports).toEqual(Array.from({ length: ports.length }, (_, i) => 200 - ports.length + i));
  });

  it('loses no session that several processes count at once', async () => {
    const { chamber } = await memoryChamber();
    const books = [1, 2, 3].map(() => new PeerBook(chamber));
    await Promise.all(books.map((book, i) => book.write([peer(1, 10 + i)], unwritten)));
    expect(await collect(books[0]!.list())).toMatchObject([{ sessions: 3, firstSeen: 10, lastSeen: 12 }]);
  });
});

describe('the journal of sessions', () => {
  const session = (nodeId: Uint8Array, openedAt: number): SessionRecord => ({
    ...{ sessionId: randomBytes(8), nodeId, peerNodeId: randomBytes(32), role: 'initiator', transport: 'udp' },
    ...{ address: '::1', port: 1, openedAt, closedAt: undefined, end: undefined },
  });

  it('keeps the newest, and nothing that it did not write goes', async () => {
    const { chamber } = await memoryChamber();
    const nodeId = randomBytes(32);
    await chamber.storeSession('of the application', { a: 1 });
    const journal = await SessionJournal.open(chamber, nodeId);
    const sessions = Array.from({ length: MAX_SESSION_RECORDS + 100 }, (_, i) => session(nodeId, i));
    for (let at = 0; at < sessions.length; at += 64) await journal.write(sessions.slice(at, at + 64));
    // Another process goes on where this one ended.
    const next = await SessionJournal.open(chamber, nodeId);
    await next.write([session(nodeId, 5000)]);
    const found = (await collect(listSessions(chamber))).map(({ openedAt }) => openedAt);
    expect(found).toEqual([...sessions.slice(101).map(({ openedAt }) => openedAt), 5000]);
    expect(await collect(chamber.listSessions())).toHaveLength(MAX_SESSION_RECORDS + 1);
    expect(await chamber.retrieveSession('of the application')).toEqual({ a: 1 });
  });
});

describe('records of a node', () => {
  it('are taken as none if they have another shape', () => {
    const values = fc.oneof(fc.integer(), fc.string(), fc.uint8Array(), fc.double(), fc.boolean(), fc.constant(null));
    const names = [
      'nodeId',
      'sessionId',
      'peerNodeId',
      'firstSeen',
      'lastSeen',
      'sessions',
      'address',
      'port',
      'seeds',
    ];
    const dicts = fc.dictionary(fc.constantFrom(...names, 'transport', 'role', 'openedAt', 'seed', 'since'), values);
    fc.assert(
      fc.property(dicts, fc.array(fc.oneof(values, dicts)), (dict, list) => {
        expect(parsePeer(dict)).toBeUndefined();
        expect(parseSession(dict)).toBeUndefined();
        const ring = parseRing({ ...dict, seeds: list as never });
        expect(ring.every(({ seed, since }) => seed instanceof Uint8Array && Number.isSafeInteger(since))).toBe(true);
      }),
    );
    expect(parseRing(undefined)).toEqual([]);
  });
});
