import { stat } from 'node:fs/promises';
import { arch, cpus, platform, release } from 'node:os';
import { usage } from '../arguments.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { formatOctets } from '../format.js';
import { bufferLimits, probeBuffers, processorAes } from '../machine.js';
import { configDirectory, nodeSeedPath, sharedSeedPath } from '../seeds.js';
import { packageVersion } from '../version.js';
import { loadNative, type NativeProbe } from '../../native/binding.js';

/** What a node asks of its socket by default. */
const WANTED_BUFFER = 4 * 1_048_576;

/** A line of the report: what, the answer, and why it matters or where it comes from. */
type Row = readonly [what: string, answer: string];

export const command: Command = {
  name: 'info',
  synopsis: ['info'],
  description: [
    'Tells which backend is in use and why, what the processor, the system and its sockets can do, and where seeds are kept. Prints no secrets. Add its output to a report of a problem.',
  ],
  options: {},
  async run({ args, output, env }) {
    if (args.positionals.length > 0) throw usage('`stt info` takes no arguments.');
    const backend = describeBackend(env);
    const probe = backend.probe;
    const buffers = await probeBuffers(WANTED_BUFFER);
    const limits = await bufferLimits();
    const aes = probe === undefined ? await processorAes() : { aes: probe.aes, vaes: probe.vaes };
    const seeds = await Promise.all(
      [nodeSeedPath(env), sharedSeedPath(env)].map(async (path) => [path, await state(path)]),
    );
    const receive = probe?.receiveBufferOctets ?? buffers?.receiveOctets;
    const send = probe?.sendBufferOctets ?? buffers?.sendOctets;
    output.event({
      event: 'info',
      version: packageVersion(),
      backend: backend.name,
      backendReason: backend.why,
      addon: backend.path,
      node: process.version,
      openssl: process.versions.openssl,
      platform: `${platform()}-${arch()}`,
      release: release(),
      cpu: cpus()[0]?.model,
      aes: aes?.aes,
      vaes: aes?.vaes,
      gso: probe?.gso,
      gro: probe?.gro,
      receiveBufferOctets: receive,
      sendBufferOctets: send,
      receiveBufferLimit: limits.receiveOctets,
      sendBufferLimit: limits.sendOctets,
      configDirectory: configDirectory(env),
      nodeSeedFile: nodeSeedPath(env),
      sharedSeedFile: sharedSeedPath(env),
      sharedSeedInEnvironment: env['STT_SHARED_SEED'] !== undefined,
    });
    const rows: Row[] = [
      ['stt', packageVersion()],
      ['backend', `${backend.name}: ${backend.why}`],
      ['node', `${process.version}, OpenSSL ${process.versions.openssl}, ${platform()}-${arch()} ${release()}`],
      ['processor', `${cpus()[0]?.model ?? 'unknown'}; ${describeAes(aes)}`],
      ['offload', describeOffload(probe)],
      ['socket buffers', describeBuffers(receive, send, limits)],
      ['config directory', configDirectory(env)],
      ['node seed', `${seeds[0]!.join(', ')}`],
      [
        'shared seed',
        env['STT_SHARED_SEED'] === undefined ? seeds[1]!.join(', ') : 'the environment variable STT_SHARED_SEED',
      ],
    ];
    const width = Math.max(...rows.map(([what]) => what.length));
    output.result(rows.map(([what, answer]) => `${what.padEnd(width)}  ${answer}`).join('\n'));
    return ExitCode.OK;
  },
};

interface BackendReport {
  readonly name: 'native' | 'js';
  readonly why: string;
  readonly path: string | undefined;
  readonly probe: NativeProbe | undefined;
}

function describeBackend(env: NodeJS.ProcessEnv): BackendReport {
  const wanted = env['STT_BACKEND'] ?? 'auto';
  const native = loadNative();
  if (native.addon === undefined) {
    const demanded = wanted === 'native' ? ' (STT_BACKEND=native demands it: nodes will not start)' : '';
    return { name: 'js', why: `no native addon: ${native.why}${demanded}`, path: undefined, probe: undefined };
  }
  const probe = native.addon.probe();
  const { path } = native;
  if (wanted === 'js') {
    return { name: 'js', why: `STT_BACKEND=js asks for it (the native addon would load from ${path})`, path, probe };
  }
  return { name: 'native', why: `loaded from ${path}`, path, probe };
}

function describeAes(aes: { aes: boolean; vaes: boolean } | undefined): string {
  if (aes === undefined) return 'AES instructions unknown';
  return aes.aes
    ? `AES-NI yes, VAES ${aes.vaes ? 'yes' : 'no'}`
    : 'no AES instructions: ChaCha20-Poly1305 is preferred';
}

function describeOffload(probe: NativeProbe | undefined): string {
  if (probe === undefined) return 'GSO and GRO unknown: only the native addon can use them';
  return `GSO ${probe.gso ? 'yes' : 'no'}, GRO ${probe.gro ? 'yes' : 'no'} (found by asking a socket)`;
}

function describeBuffers(
  receive: number | undefined,
  send: number | undefined,
  limits: { receiveOctets?: number; sendOctets?: number },
): string {
  if (receive === undefined || send === undefined) return 'unknown: no socket could be made';
  const { receiveOctets, sendOctets } = limits;
  const system =
    receiveOctets === undefined || sendOctets === undefined
      ? ''
      : `; net.core.rmem_max ${formatOctets(receiveOctets)}, wmem_max ${formatOctets(sendOctets)}`;
  // Linux counts its own bookkeeping and reports twice of what a socket may hold.
  const granted = process.platform === 'linux' ? receive / 2 : receive;
  const hint = granted < WANTED_BUFFER ? '; raise net.core.rmem_max for fast paths' : '';
  const note = process.platform === 'linux' ? ' (Linux reports double)' : '';
  return `receive ${formatOctets(receive)}, send ${formatOctets(send)}, ${formatOctets(WANTED_BUFFER)} asked for${note}${system}${hint}`;
}

async function state(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    return process.platform !== 'win32' && (mode & 0o077) !== 0 ? 'readable by others: run chmod 600' : 'there';
  } catch {
    return 'not made yet';
  }
}
