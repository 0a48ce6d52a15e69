// What is measured: the Chamber, and stores that users would take instead, with the same sealing of names and records.
import { join } from 'node:path';
import { Chamber, STCWrapper } from '../../../dist/index.js';
import { RecordCodec, RecordKind } from '../../../dist/chamber/record.js';

const stc = new STCWrapper(new Uint8Array(32).fill(3));
const nodeId = new Uint8Array(32).fill(4);
const ENCODER = new TextEncoder();

/** Seals as the Chamber does, for stores that cannot. */
function sealing() {
  const codec = new RecordCodec({ stc, nodeId, chamberId: new Uint8Array(16), epoch: 0 });
  return {
    name: (id) => Buffer.from(codec.name(RecordKind.KEY, ENCODER.encode(id))),
    seal(id, value) {
      const octets = ENCODER.encode(id);
      const name = Buffer.from(codec.name(RecordKind.KEY, octets));
      return { name, record: Buffer.from(codec.seal(RecordKind.KEY, name, octets, value)) };
    },
    open: (id, record) => codec.openValue(RecordKind.KEY, ENCODER.encode(id), record),
  };
}

async function chamber(path) {
  const opened = await Chamber.open({ path, nodeId, stc });
  return {
    put: (id, value) => opened.storeKey(id, value),
    get: (id) => opened.retrieveKey(id),
    putMany(entries) {
      const batch = opened.batch();
      for (const [id, value] of entries) batch.storeKey(id, value);
      return batch.write();
    },
    close: () => opened.close(),
  };
}

async function lmdb(path) {
  const { open } = await import('lmdb');
  const options = { encoding: 'binary', keyEncoding: 'binary', noSubdir: false, overlappingSync: false };
  const db = open({ path, ...options });
  const { name, seal, open: unseal } = sealing();
  return {
    put(id, value) {
      const sealed = seal(id, value);
      return db.put(sealed.name, sealed.record);
    },
    async get(id) {
      const record = db.getBinary(name(id));
      return record && unseal(id, record);
    },
    async putMany(entries) {
      db.transactionSync(() => {
        for (const [id, value] of entries) {
          const sealed = seal(id, value);
          db.putSync(sealed.name, sealed.record);
        }
      });
    },
    close: () => db.close(),
  };
}

async function sqlite(path) {
  const { default: Database } = await import('better-sqlite3');
  const { mkdirSync } = await import('node:fs');
  mkdirSync(path, { recursive: true });
  const db = new Database(join(path, 'data.db'));
  db.pragma('journal_mode = WAL');
  // A transaction is over when it is on the disk, as in the others.
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE IF NOT EXISTS records (name BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID');
  const insert = db.prepare('INSERT OR REPLACE INTO records VALUES (?, ?)');
  const select = db.prepare('SELECT record FROM records WHERE name = ?').pluck();
  const { name, seal, open } = sealing();
  const putNow = (id, value) => {
    const sealed = seal(id, value);
    insert.run(sealed.name, sealed.record);
  };
  const putAll = db.transaction((entries) => {
    for (const [id, value] of entries) putNow(id, value);
  });
  return {
    put: async (id, value) => putNow(id, value),
    async get(id) {
      const record = select.get(name(id));
      return record && open(id, record);
    },
    putMany: async (entries) => putAll(entries),
    close: async () => db.close(),
  };
}

export const STORES = { chamber, lmdb, sqlite };
