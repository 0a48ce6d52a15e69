import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const NAME = 'seigr-toolset-transmissions';
const root = fileURLToPath(new URL('../../', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'stt-package-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** What a user's shell has, without what this test run put there. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|STT_|VITEST|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$)/.test(name)),
);

function run(command: string, args: readonly string[], cwd: string, env = environment): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, env, encoding: 'utf8' });
}

function succeed(command: string, args: readonly string[], cwd: string, env = environment): string {
  const result = run(command, args, cwd, env);
  if (result.error !== undefined || result.status !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** A copy of the sources, so that packing neither needs nor changes what was built in the checkout. */
const source = join(temporary, 'source');

/** The tarball is moved to `name`, for a second one would have its name. */
function pack(name: string): Packed & { readonly tarball: string } {
  const out = succeed('npm', ['pack', '--json', '--foreground-scripts=false'], source);
  const parsed = JSON.parse(out.slice(out.search(/^[[{]/m))) as Packed[] | Record<string, Packed>;
  const packed = Object.values(parsed)[0]!;
  const tarball = join(temporary, name);
  copyFileSync(join(source, packed.filename), tarball);
  rmSync(join(source, packed.filename));
  return { ...packed, tarball };
}

/** Installs the tarball in an empty directory and gives what npm printed. */
function install(tarball: string, name: string, args: readonly string[] = [], env = environment) {
  const directory = join(temporary, name);
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n');
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--foreground-scripts', ...args];
  const { status, stdout, stderr } = run('npm', ['install', tarball, ...flags], directory, env);
  return { directory, status, output: stdout + stderr, installed: join(directory, 'node_modules', NAME) };
}

const ECHO = `
import { randomBytes } from 'node:crypto';
import { STTNode } from '${NAME}';
const sharedSeed = randomBytes(32);
const options = { sharedSeed, host: '127.0.0.1' };
const server = new STTNode({ ...options, nodeSeed: randomBytes(32) });
server.on('session', (session) => session.on('stream', (stream) => stream.pipe(stream)));
const { port } = await server.start();
const client = new STTNode({ ...options, nodeSeed: randomBytes(32) });
await client.start();
const session = await client.connectUdp('127.0.0.1', port);
const stream = await session.openStream();
const sent = randomBytes(300_000);
stream.end(sent);
const chunks = [];
for await (const chunk of stream) chunks.push(chunk);
await client.stop();
await server.stop();
console.log(JSON.stringify({ backend: client.getStats().backend, same: sent.equals(Buffer.concat(chunks)) }));
`;

/** A real echo between two nodes, and the command. */
function expectWorking(directory: string, backend: 'native' | 'js', env = environment): void {
  writeFileSync(join(directory, 'echo.mjs'), ECHO);
  expect(JSON.parse(succeed(process.execPath, ['echo.mjs'], directory, env))).toEqual({ backend, same: true });
  const stt = join(directory, 'node_modules/.bin/stt');
  const info = JSON.parse(succeed(stt, ['info', '--json'], directory, env)) as { backend: string; version: string };
  expect(info.backend).toBe(backend);
  expect(succeed(stt, ['info'], directory, env)).toContain(info.version);
}

let plain: ReturnType<typeof pack>;

beforeAll(() => {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const name of list.toString().split('\0')) {
    if (name === '' || !existsSync(join(root, name))) continue;
    mkdirSync(join(source, dirname(name)), { recursive: true });
    copyFileSync(join(root, name), join(source, name));
  }
  symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'), 'dir');
  plain = pack('plain.tgz');
});

describe('the tarball', () => {
  it('holds what runs and what it is built from, and nothing else', () => {
    const paths = plain.files.map(({ path }) => path);
    for (const path of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'SECURITY.md',
      'binding.gyp',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/browser.js',
      'dist/cli/main.js',
      'docs/protocol.md',
      'native/napi/addon.cc',
      'scripts/install-addon.mjs',
      'scripts/source-hash.mjs',
    ]) {
      expect(paths).toContain(path);
    }
    const allowed =
      /^(dist|native|docs|prebuilds)\/|^scripts\/(install-addon|source-hash)\.mjs$|^binding\.gyp$|^[A-Z]+(\.md)?$|^package\.json$/;
    expect(paths.filter((path) => !allowed.test(path))).toEqual([]);
    expect(paths.filter((path) => /\.(o|tsbuildinfo|node|tgz|log)$/.test(path))).toEqual([]);
  });

  it('holds compiled code of the present sources only', () => {
    const stale = plain.files
      .map(({ path }) => path)
      .filter((path) => path.startsWith('dist/') && path.endsWith('.js'))
      .filter((path) => !existsSync(join(source, path.replace(/^dist/, 'lib').replace(/\.js$/, '.ts'))));
    expect(stale).toEqual([]);
  });
});

describe('installed from the tarball with a compiler', () => {
  let place: ReturnType<typeof install>;
  beforeAll(() => {
    place = install(plain.tarball, 'with-compiler');
  });

  it('builds the addon and works with it', () => {
    expect(place.output).not.toContain('pure-JS');
    expect(place.status).toBe(0);
    expect(existsSync(join(place.installed, 'build/Release/stt.node'))).toBe(true);
    expectWorking(place.directory, 'native');
  });

  it('compiles no TypeScript', () => {
    expect(place.output).not.toMatch(/^> .*(prepare|compile|tsc)/m);
    expect(readdirSync(join(place.directory, 'node_modules'))).not.toContain('typescript');
  });

  it('has types that an application compiles against', () => {
    writeFileSync(
      join(place.directory, 'typed.ts'),
      `import { RedisStore, STTNode, STTError, type STTSession } from '${NAME}';
export const shared = (password: string): Promise<RedisStore> => RedisStore.open({ url: 'rediss://h', password });
const node = new STTNode({ nodeSeed: new Uint8Array(32), sharedSeed: new Uint8Array(32) });
node.on('session', (session: STTSession) => void session.close());
export const code = (error: unknown): string => (error instanceof STTError ? error.code : 'none');
// @ts-expect-error No such option.
new STTNode({ nodeSeed: new Uint8Array(32), sharedSeed: new Uint8Array(32), prot: 1 });
`,
    );
    const types = join(root, 'node_modules/@types');
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,esnext.disposable',
    ];
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    succeed(
      process.execPath,
      [compiler, ...options, '--typeRoots', types, '--types', 'node', 'typed.ts'],
      place.directory,
    );
  });

  it('says of a shared store that the package it needs is missing', () => {
    const probe = `
      const { RedisStore } = await import('${NAME}');
      await RedisStore.open().catch(({ code, message }) => console.log(code, message));`;
    const out = succeed(process.execPath, ['--input-type=module', '-e', probe], place.directory);
    expect(out).toMatch(/^ERR_STT_CHAMBER_STORE .*iovalkey/);
    expect(readdirSync(join(place.directory, 'node_modules'))).not.toContain('iovalkey');
  });

  it('lets nothing but its entry points be imported', () => {
    const probe = `
      const failures = [];
      for (const path of ['dist/index.js', 'dist/api/node.js', 'lib/index.ts', 'native']) {
        await import('${NAME}/' + path).then(() => failures.push(path), (error) => {
          if (error.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
        });
      }
      console.log(JSON.stringify(failures));`;
    const out = succeed(process.execPath, ['--input-type=module', '-e', probe], place.directory);
    expect(JSON.parse(out)).toEqual([]);
  });

  it('gives browsers an entry of their own, which needs no addon', () => {
    const probe = `
      const { STTFrame, STTNode, serializeStt } = await import('${NAME}');
      console.log(typeof STTFrame, typeof STTNode, serializeStt(1).length);`;
    const args = ['--conditions=browser', '--input-type=module', '-e', probe];
    expect(succeed(process.execPath, args, place.directory)).toBe('function function 2\n');
  });

  it('builds anew in place of an addon from other sources', () => {
    const addon = join(place.installed, 'native/napi/addon.cc');
    writeFileSync(addon, `${readFileSync(addon, 'utf8')}\n// Changed.\n`);
    const { sourceHash } = JSON.parse(
      succeed(
        process.execPath,
        [
          '-e',
          `process.stdout.write(JSON.stringify({ sourceHash: require('node-gyp-build')('${place.installed}').sourceHash }))`,
        ],
        place.directory,
      ),
    ) as { sourceHash: string };
    succeed('npm', ['rebuild', NAME, '--foreground-scripts'], place.directory);
    const rebuilt = succeed(
      process.execPath,
      ['-e', `process.stdout.write(require('node-gyp-build')('${place.installed}').sourceHash)`],
      place.directory,
    );
    expect(rebuilt).toMatch(/^[0-9a-f]{64}$/);
    expect(rebuilt).not.toBe(sourceHash);
  });
});

describe('installed from the tarball with a prebuilt addon, scripts off', () => {
  it('works with the prebuilt addon', () => {
    succeed('npm', ['run', 'prebuild'], source);
    rmSync(join(source, 'build'), { recursive: true });
    const { tarball, files } = pack('prebuilt.tgz');
    expect(files.some(({ path }) => /^prebuilds\/.*\.node$/.test(path))).toBe(true);
    const place = install(tarball, 'prebuilt', ['--ignore-scripts']);
    expect(place.status).toBe(0);
    expect(existsSync(join(place.installed, 'build'))).toBe(false);
    expectWorking(place.directory, 'native');
  });
});

describe('installed from the tarball with neither', () => {
  it('says so in one line and works with the JS backend', () => {
    // A PATH with node and npm, but no python3, make or compiler.
    const bin = join(temporary, 'bin');
    mkdirSync(bin);
    for (const name of ['node', 'npm', 'sh', 'env', 'uname', 'readlink', 'dirname', 'basename', 'sed', 'cat', 'ls']) {
      const path = run('/bin/sh', ['-c', `command -v ${name}`], temporary).stdout.trim();
      if (path.startsWith('/')) symlinkSync(path, join(bin, name));
    }
    const env = { ...environment, PATH: bin };
    const place = install(plain.tarball, 'neither', [], env);
    expect(place.status).toBe(0);
    const lines = place.output.split('\n').filter((line) => line.startsWith(`${NAME}: `));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('pure-JS backend');
    expect(place.output).not.toContain('gyp ERR!');
    expectWorking(place.directory, 'js', env);
  });
});
