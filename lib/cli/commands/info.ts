import { stat } from 'node:fs/promises';
import { arch, cpus, platform, release } from 'node:os';
import { usage } from '../arguments.js';
import { type BufferHint, bufferHint } from '../buffer-hint.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-codes.js';
import { formatOctets } from '../format.js';
import { bufferLimits, probeBuffers, processorAes, type SocketBuffers } from '../machine.js';
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
    // Of the backend that is used: the addon may ask for more than the limits allow, if it is privileged.
    const granted =
      probe !== undefined && backend.name === 'native'
        ? { receiveOctets: probe.receiveBufferOctets, sendOctets: probe.sendBufferOctets }
        : buffers;
    const hint = granted === undefined ? undefined : bufferHint(granted, WANTED_BUFFER, process.platform);
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
      receiveBufferOctets: granted?.receiveOctets,
      sendBufferOctets: granted?.sendOctets,
      receiveBufferLimit: limits.receiveOctets,
      sendBufferLimit: limits.sendOctets,
      bufferHint: hint,
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
      ['socket buffers', describeBuffers(granted, limits)],
      ...describeHint(hint),
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
  granted: SocketBuffers | undefined,
  limits: { receiveOctets?: number; sendOctets?: number },
): string {
  if (granted === undefined) return 'unknown: no socket could be made';
  const { receiveOctets, sendOctets } = limits;
  const system =
    receiveOctets === undefined || sendOctets === undefined
      ? ''
      : `; net.core.rmem_max ${formatOctets(receiveOctets)}, wmem_max ${formatOctets(sendOctets)}`;
  const note = process.platform === 'linux' ? ' (Linux reports double)' : '';
  return `receive ${formatOctets(granted.receiveOctets)}, send ${formatOctets(granted.sendOctets)}, ${formatOctets(WANTED_BUFFER)} asked for${note}${system}`;
}

/** A row for the reason, and one for each command. */
function describeHint(hint: BufferHint | undefined): Row[] {
  if (hint === undefined) return [];
  return [['hint', hint.why], ...hint.commands.map((command): Row => ['', `as root: ${command}`])];
}

async function state(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    return process.platform !== 'win32' && (mode & 0o077) !== 0 ? 'readable by others: run chmod 600' : 'there';
  } catch {
    return 'not made yet';
  }
}
