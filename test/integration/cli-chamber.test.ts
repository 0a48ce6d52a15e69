import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Chamber, LmdbStore, STCWrapper } from '../../lib/index.js';
import { SttProcess, freshSeed, type SttOptions } from '../support/stt-process.js';
import { temporaryDirectory } from '../support/temporary.js';

const PASSPHRASE = 'correct horse battery staple';

interface Place {
  readonly cwd: string;
  run(args: readonly string[], options?: SttOptions): Promise<SttProcess>;
}

/** A directory with node seeds "seed" and "other", and the passphrase in the environment. */
async function place(): Promise<Place> {
  const cwd = await temporaryDirectory();
  for (const name of ['seed', 'other']) await writeFile(join(cwd, name), `${freshSeed()}\n`, { mode: 0o600 });
  return {
    cwd,
    run: ([action, ...rest], options = {}) =>
      SttProcess.run(
        ['chamber', action!, ...rest, ...(rest.includes('--node-seed-file') ? [] : ['--node-seed-file', 'seed'])],
        {
          cwd,
          ...options,
          env: { STT_CHAMBER_PASSPHRASE: PASSPHRASE, ...options.env },
        },
      ),
  };
}

async function filled(): Promise<Place & { readonly key: Buffer }> {
  const at = await place();
  const key = randomBytes(1000);
  expect((await at.run(['put', 'c', 'a key'], { input: key })).code).toBe(0);
  const session = Buffer.from('{"peer": {"$bytes": "AAEC"}, "at": {"$int": "12345678901234567890"}, "n": [1, null]}');
  expect((await at.run(['put', 'c', 's', '--kind', 'session'], { input: session })).code).toBe(0);
  return { ...at, key };
}

async function openHere({ cwd }: Place, seed = 'seed'): Promise<Chamber> {
  const stc = new STCWrapper(new Uint8Array(Buffer.from(await readFile(join(cwd, seed), 'utf8'), 'base64url')));
  return Chamber.open({
    path: join(cwd, 'c'),
    stc,
    nodeId: stc.generateNodeId(new TextEncoder().encode('stt_node_identity')),
    create: false,
  });
}

/** Changes the last octet of every record of a kind in the store. */
async function damage({ cwd }: Place, kind: number): Promise<void> {
  const store = await LmdbStore.open(join(cwd, 'c'));
  const entries = await store.scan(Uint8Array.of(kind), undefined, 100);
  await store.commit(
    entries.map(({ name, record }) => {
      const changed = Uint8Array.from(record);
      changed[changed.length - 1]! ^= 1;
      return { name, record: changed };
    }),
  );
  await store.close();
}

const errorOf = (run: SttProcess): unknown[] => [run.code, run.event('error')?.['code']];

describe('stt chamber list, get, put, delete', () => {
  it('keep keys as octets and sessions as JSON', async () => {
    const at = await filled();
    const { run, key } = at;
    expect((await run(['list', 'c'])).stdout.toString()).toBe('key\ta key\nsession\ts\n');
    expect((await run(['list', 'c', '--kind', 'session', '--sorted', '--json'])).events).toEqual([
      { event: 'record', kind: 'session', id: 's' },
    ]);
    expect((await run(['get', 'c', 'a key'])).stdout.equals(key)).toBe(true);
    const got = await run(['get', 'c', 's', '--kind', 'session']);
    const session = { peer: { $bytes: 'AAEC' }, at: { $int: '12345678901234567890' }, n: [1, null] };
    expect(JSON.parse(got.stdout.toString())).toEqual({ ...session });
    const chamber = await openHere(at);
    expect(await chamber.retrieveSession('s')).toEqual({
      peer: Uint8Array.of(0, 1, 2),
      at: 12345678901234567890n,
      n: [1, null],
    });
    await chamber.close();
    expect((await run(['delete', 'c', 'a key'])).code).toBe(0);
    expect(errorOf(await run(['delete', 'c', 'a key', '--json']))).toEqual([4, 'ERR_STT_NO_RECORD']);
    expect(errorOf(await run(['get', 'c', 'a key', '--json']))).toEqual([4, 'ERR_STT_NO_RECORD']);
  });

  it('write a value to a file that only its owner can read, and replace none without --force', async () => {
    const { run, cwd, key } = await filled();
    expect((await run(['get', 'c', 'a key', '--out', 'k'], { umask: 0 })).code).toBe(0);
    expect((await readFile(join(cwd, 'k'))).equals(key)).toBe(true);
    expect((await stat(join(cwd, 'k'))).mode & 0o777).toBe(0o600);
    expect(errorOf(await run(['get', 'c', 'a key', '--out', 'k', '--json']))).toEqual([4, 'EEXIST']);
    expect((await run(['get', 'c', 'a key', '--out', 'k', '--force'])).code).toBe(0);
  });

  it('refuse what is no chamber, another seed, and wrong arguments, and make nothing', async () => {
    const { run, cwd } = await filled();
    await writeFile(join(cwd, 'big'), randomBytes(17 * 1_048_576));
    const wrong: [string[], number, string][] = [
      [['list', 'none'], 4, 'ERR_STT_CHAMBER_FORMAT'],
      [['list', '.'], 4, 'ERR_STT_CHAMBER_FORMAT'],
      [['list', 'c', '--node-seed-file', 'other'], 3, 'ERR_STT_CHAMBER_FOREIGN'],
      [['list', 'c', '--node-seed-file', 'missing'], 4, 'ENOENT'],
      [['get', 'c', ''], 2, 'ERR_STT_CHAMBER_ID'],
      [['put', 'c', 'x', 'big'], 2, 'ERR_STT_CHAMBER_VALUE'],
      [['put', 'c', 'x', 'seed', '--kind', 'session'], 2, 'ERR_STT_USAGE'],
      [['put', 'c', 'x', 'seed', '--kind', 'node'], 2, 'ERR_STT_USAGE'],
      [['lits', 'c'], 2, 'ERR_STT_USAGE'],
      [['list', 'c', '--force'], 2, 'ERR_STT_USAGE'],
      [['get', 'c'], 2, 'ERR_STT_USAGE'],
      [['put', 'c', 'x', 'y', 'z'], 2, 'ERR_STT_USAGE'],
    ];
    const runs = await Promise.all(wrong.map(([args]) => run([...args, '--json'])));
    expect(runs.map(errorOf)).toEqual(wrong.map(([, code, error]) => [code, error]));
    expect(runs[8]!.stderr).toContain('did you mean `list`?');
    expect((await readdir(cwd)).toSorted()).toEqual(['big', 'c', 'other', 'seed']);
  });

  it('never repeat a value that cannot be read', async () => {
    const { run } = await filled();
    const input = Buffer.from('{"secret": hunter2}');
    const stt = await run(['put', 'c', 'x', '--kind', 'session', '--json'], { input });
    expect(errorOf(stt)).toEqual([2, 'ERR_STT_USAGE']);
    expect(stt.stderr + stt.stdout.toString()).not.toContain('hunter');
  });

  it('end with 8 where a record is damaged, and give the others', async () => {
    const at = await filled();
    await damage(at, 1);
    const [verified, got, other] = await Promise.all([
      at.run(['verify', 'c', '--json']),
      at.run(['get', 'c', 'a key', '--json']),
      at.run(['get', 'c', 's', '--kind', 'session']),
    ]);
    expect([verified.code, verified.event('verified')]).toEqual([8, { event: 'verified', records: 1, damaged: 1 }]);
    expect(verified.event('damaged')?.['message']).toContain('key "a key"');
    expect(errorOf(got)).toEqual([8, 'ERR_STT_CHAMBER_DAMAGED']);
    expect(other.code).toBe(0);
  });

  it('verify a sound chamber with exit code 0', async () => {
    const { run } = await filled();
    const verified = await run(['verify', 'c']);
    expect([verified.code, verified.stdout.toString()]).toEqual([0, 'Sound records: 2. Damaged: 0.\n']);
  });
});

describe('stt chamber export and import', () => {
  it('move everything to a chamber of another seed', async () => {
    const at = await filled();
    expect((await at.run(['export', 'c', 'e'])).stdout.toString()).toBe('Records in e: 2.\n');
    const file = await readFile(join(at.cwd, 'e'));
    expect((await stat(join(at.cwd, 'e'))).mode & 0o777).toBe(0o600);
    expect(file.includes('a key')).toBe(false);
    const imported = await at.run(['import', 'd', 'e', '--node-seed-file', 'other', '--json']);
    expect(imported.event('imported')).toMatchObject({ imported: 2, replaced: 0, unchanged: 0 });
    const got = await at.run(['get', 'd', 'a key', '--node-seed-file', 'other']);
    expect(got.stdout.equals(at.key)).toBe(true);
    const again = await at.run(['import', 'd', 'e', '--node-seed-file', 'other', '--json']);
    expect(again.event('imported')).toMatchObject({ imported: 0, replaced: 0, unchanged: 2 });
  });

  it('refuse another passphrase, and every export that was changed, cut or extended, before anything is written', async () => {
    const at = await filled();
    await at.run(['put', 'c', 'long'], { input: randomBytes(200_000) });
    await at.run(['export', 'c', 'e']);
    const file = await readFile(join(at.cwd, 'e'));
    const flipped = (at: number): Buffer => {
      const copy = Buffer.from(file);
      copy[at < 0 ? file.length + at : at]! ^= 1;
      return copy;
    };
    const forms: Record<string, [Buffer, string]> = {
      magic: [flipped(0), 'ERR_STT_CHAMBER_EXPORT'],
      version: [Buffer.concat([file.subarray(0, 8), Buffer.of(2), file.subarray(9)]), 'ERR_STT_CHAMBER_VERSION'],
      salt: [flipped(12), 'ERR_STT_CHAMBER_EXPORT'],
      end: [flipped(-1), 'ERR_STT_CHAMBER_EXPORT'],
      cut: [file.subarray(0, -1), 'ERR_STT_CHAMBER_EXPORT'],
      chunk: [file.subarray(0, 25 + 4 + 65_573), 'ERR_STT_CHAMBER_EXPORT'],
      header: [file.subarray(0, 25), 'ERR_STT_CHAMBER_EXPORT'],
      half: [file.subarray(0, 10), 'ERR_STT_CHAMBER_EXPORT'],
      empty: [Buffer.alloc(0), 'ERR_STT_CHAMBER_EXPORT'],
      more: [Buffer.concat([file, Buffer.of(0)]), 'ERR_STT_CHAMBER_EXPORT'],
      length: [
        Buffer.concat([file.subarray(0, 25), Buffer.alloc(4, 255), file.subarray(29)]),
        'ERR_STT_CHAMBER_EXPORT',
      ],
    };
    for (const [name, [octets]] of Object.entries(forms)) await writeFile(join(at.cwd, name), octets);
    const wrong = await at.run(['import', 'd', 'e', '--json'], { env: { STT_CHAMBER_PASSPHRASE: 'another one' } });
    expect(errorOf(wrong)).toEqual([8, 'ERR_STT_CHAMBER_EXPORT']);
    for (const [name, [, code]] of Object.entries(forms)) {
      const run = await at.run(['import', 'd', name, '--json']);
      expect([name, ...errorOf(run)]).toEqual([name, code === 'ERR_STT_CHAMBER_VERSION' ? 3 : 8, code]);
    }
    expect(await readdir(at.cwd)).not.toContain('d');
  }, 60_000);

  it('replace records that differ only with --force, and otherwise change nothing', async () => {
    const at = await filled();
    await at.run(['export', 'c', 'e']);
    await at.run(['put', 'c', 'a key'], { input: Buffer.from('newer') });
    await at.run(['delete', 'c', 's', '--kind', 'session']);
    expect(errorOf(await at.run(['import', 'c', 'e', '--json']))).toEqual([7, 'EEXIST']);
    expect((await at.run(['list', 'c'])).stdout.toString()).toBe('key\ta key\n');
    expect((await at.run(['get', 'c', 'a key'])).stdout.toString()).toBe('newer');
    const forced = await at.run(['import', 'c', 'e', '--force', '--json']);
    expect(forced.event('imported')).toMatchObject({ imported: 2, replaced: 1 });
    expect((await at.run(['get', 'c', 'a key'])).stdout.equals(at.key)).toBe(true);
  });

  it('export what is sound of a damaged chamber, and end with 8', async () => {
    const at = await filled();
    await damage(at, 1);
    const run = await at.run(['export', 'c', 'e', '--json']);
    expect([run.code, run.event('exported')]).toEqual([8, { event: 'exported', path: 'e', records: 1, damaged: 1 }]);
    expect((await at.run(['import', 'd', 'e', '--node-seed-file', 'other'])).code).toBe(0);
  });

  it('take the passphrase from a file, and none that is short, empty or missing', async () => {
    const { run, cwd } = await filled();
    const none = { env: { STT_CHAMBER_PASSPHRASE: '' } };
    await writeFile(join(cwd, 'p'), `${PASSPHRASE}\n`, { mode: 0o600 });
    await writeFile(join(cwd, 'short'), 'seven77\n', { mode: 0o600 });
    await writeFile(join(cwd, 'nothing'), '\n', { mode: 0o600 });
    expect(errorOf(await run(['export', 'c', 'e', '--json'], none))).toEqual([3, 'ERR_STT_NO_PASSPHRASE']);
    for (const file of ['short', 'nothing']) {
      const refused = await run(['export', 'c', 'e', '--passphrase-file', file, '--json'], none);
      expect(errorOf(refused)).toEqual([3, 'ERR_STT_PASSPHRASE']);
      expect(refused.stderr).not.toContain('seven77');
    }
    expect(await readdir(cwd)).not.toContain('e');
    expect((await run(['export', 'c', 'e', '--passphrase-file', 'p'], none)).code).toBe(0);
    // The same passphrase, given in another way.
    expect((await run(['import', 'd', 'e', '--node-seed-file', 'other'])).code).toBe(0);
    expect(errorOf(await run(['export', 'c', 'e', '--passphrase-file', 'p', '--json'], none))).toEqual([4, 'EEXIST']);
  });

  it('ask for the passphrase at a terminal, which does not show it', async ({ skip }) => {
    if (process.platform !== 'linux' || !hasScript()) return skip('needs the command script of util-linux');
    const at = await filled();
    const typed = await typedAt(
      at.cwd,
      ['export', 'c', 'e', '--node-seed-file', 'seed'],
      [
        ['Passphrase of the export: ', `${PASSPHRASE}x\u007f\r`],
        ['The same once more: ', `${PASSPHRASE}\r`],
      ],
    );
    expect(typed).toContain('Records in e: 2.');
    expect(typed).not.toContain('horse');
    expect((await at.run(['import', 'd', 'e', '--node-seed-file', 'other'])).code).toBe(0);
    const differing = await typedAt(
      at.cwd,
      ['export', 'c', 'f', '--node-seed-file', 'seed'],
      [
        ['Passphrase of the export: ', `${PASSPHRASE}\r`],
        ['The same once more: ', 'something else\r'],
      ],
    );
    expect(differing).toContain('the two differ');
    const interrupted = await typedAt(
      at.cwd,
      ['export', 'c', 'f', '--node-seed-file', 'seed'],
      [['Passphrase of the export: ', 'abc\u0003']],
    );
    expect(interrupted).toContain('stt: interrupted');
    expect(await readdir(at.cwd)).not.toContain('f');
  });
});

describe('stt chamber reseal', () => {
  it('goes on after it was killed, until the chamber opens with the new seed only', async () => {
    const at = await place();
    const chamber = await (async () => {
      expect((await at.run(['put', 'c', 'first'], { input: Buffer.from('x') })).code).toBe(0);
      return openHere(at);
    })();
    for (let page = 0; page < 8; page++) {
      const batch = chamber.batch();
      for (let i = 0; i < 500; i++) batch.storeKey(`${page}/${i}`, Uint8Array.of(page, i & 255));
      await batch.write();
    }
    await chamber.close();
    const args = ['reseal', 'c', '--to-seed-file', 'other', '--node-seed-file', 'seed'];
    let kills = 0;
    for (let delay = 60; ; delay += 40) {
      const stt = await SttProcess.start(['chamber', ...args], { cwd: at.cwd });
      const timer = setTimeout(() => stt.child.kill('SIGKILL'), delay);
      const code = await stt.exit;
      clearTimeout(timer);
      if (code === 0) break;
      expect([code, stt.stderr]).toEqual([137, '']);
      kills++;
    }
    expect(kills).toBeGreaterThan(0);
    const verified = await at.run(['verify', 'c', '--node-seed-file', 'other', '--json']);
    expect(verified.event('verified')).toEqual({ event: 'verified', records: 4001, damaged: 0 });
    expect(errorOf(await at.run(['list', 'c', '--json']))).toEqual([3, 'ERR_STT_CHAMBER_FOREIGN']);
  }, 60_000);

  it('says which records are damaged, and needs the seed that is to be', async () => {
    const at = await filled();
    await damage(at, 2);
    expect(errorOf(await at.run(['reseal', 'c', '--json']))).toEqual([2, 'ERR_STT_USAGE']);
    const run = await at.run(['reseal', 'c', '--to-seed-file', 'other', '--json']);
    expect([run.code, run.event('resealed')]).toEqual([8, { event: 'resealed', records: 1, damaged: 1 }]);
    expect(run.event('damaged')?.['message']).toContain('session "s"');
  });
});

function hasScript(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs `stt chamber` at a terminal of its own, types when it asks; everything that the terminal showed. */
async function typedAt(
  cwd: string,
  args: readonly string[],
  answers: readonly (readonly [question: string, answer: string])[],
): Promise<string> {
  const main = new URL('../../dist/cli/main.js', import.meta.url).pathname;
  const command = [process.execPath, main, 'chamber', ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    cwd,
    env: { ...process.env, STT_CHAMBER_PASSPHRASE: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let seen = 0;
  const waiting = [...answers];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    const next = waiting[0];
    const at = next === undefined ? -1 : shown.indexOf(next[0], seen);
    if (at < 0) return;
    waiting.shift();
    seen = at + next![0].length;
    child.stdin.write(next![1]);
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(waiting).toEqual([]);
  return shown;
}
