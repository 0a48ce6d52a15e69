// npm run alarm:instructions [-- --update]: how many instructions the native core takes for a packet, counted by callgrind.
//
// Counted is what the code of this package executes itself (the loops of loop.cc, compiled as the addon is), not what
// OpenSSL and libc do for it: which AES, which memcpy they choose depends on processor and version. Instead the calls into
// both are counted, and allocations: so a copy, a hash or a look-up more shows as a call more. That gives the same numbers on every machine with the same compiler, however busy it is. Another compiler than that of the baseline
// makes other code, so the limit is wide then.
//
// Needs valgrind, g++ and OpenSSL's headers (Debian: valgrind, g++, libssl-dev); without them it says that it skips.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBaseline, Report, writeBaseline } from './report.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOOPS = {
  seal: 'sealing a run of a stream in 1,400-octet packets',
  open: 'opening these packets into rows',
  frames: 'opening packets of control frames',
  strangers: 'refusing a HELLO without the seed',
  parse: 'parsing an STTFrame',
};
const FIGURES = {
  instructions: { unit: 'instructions a packet', digits: 1 },
  cryptoCalls: { unit: 'calls of OpenSSL a packet', digits: 2 },
  libcCalls: { unit: 'calls of libc a packet', digits: 2 },
  allocations: { unit: 'allocations a packet', digits: 2 },
};
/** Share by which instructions may exceed the baseline: with the compiler of the baseline, and with another one. */
const TOLERANCE = 0.05;
const OTHER_COMPILER = 0.3;
/** Of calls per packet: those per batch may become a few more. */
const CALLS_TOLERANCE = 0.05;
// As binding.gyp and Node's own flags have it.
const FLAGS = ['-std=c++17', '-O3', '-fPIC', '-fvisibility=hidden', '-fno-exceptions', '-fno-rtti', '-Wall', '-Wextra'];
const ALLOCATION = /^(operator new|malloc|calloc|realloc|memalign|aligned_alloc|posix_memalign)/;

const HINT = `The native core does more for a packet than it did. Look at what your change added to the loop:
  callgrind_annotate build/alarm/callgrind.seal.1
If it is worth its price, say so in the commit and make the new figures the baseline: npm run alarm:instructions -- --update`;

const output = join(ROOT, 'build', 'alarm');
const report = new Report('alarm-instructions', HINT);
const why = await build();
const loops = why === undefined ? await Promise.all(Object.keys(LOOPS).map(count)) : [];
if (process.argv.includes('--update') && why === undefined) update(loops);
else compare(loops);
process.exitCode = report.finish() ? 0 : 1;

function compilerName() {
  const version = execFileSync('g++', ['-dumpversion'], { encoding: 'utf8' }).trim();
  return `g++ ${version} ${process.arch}`;
}

/** Builds the loops. Gives why that cannot be. */
async function build() {
  if (spawnSync('valgrind', ['--version']).status !== 0) return 'there is no valgrind (Debian: valgrind)';
  mkdirSync(output, { recursive: true });
  const probe = join(output, 'probe.cc');
  writeFileSync(probe, '#include <openssl/evp.h>\nint main() { return EVP_aes_256_gcm() == nullptr; }\n');
  if (spawnSync('g++', [probe, '-lcrypto', '-o', join(output, 'probe')]).status !== 0) {
    return 'there is no g++ with the headers of OpenSSL (Debian: g++, libssl-dev)';
  }
  const core = join(ROOT, 'native', 'core');
  const sources = readdirSync(core).filter((name) => name.endsWith('.cc'));
  const files = [fileURLToPath(new URL('loop.cc', import.meta.url)), ...sources.map((name) => join(core, name))];
  const objects = files.map((file, i) => join(output, `${i}.o`));
  // Two at a time: more would only want more memory.
  for (let i = 0; i < files.length; i += 2) {
    const pair = [i, i + 1].filter((at) => at < files.length);
    await Promise.all(pair.map((at) => run('g++', [...FLAGS, `-I${core}`, '-c', files[at], '-o', objects[at]])));
  }
  await run('g++', [...objects, '-lcrypto', '-o', join(output, 'loop')]);
  return undefined;
}

function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    let text = '';
    child.stdout.on('data', (data) => (text += data));
    child.stderr.on('data', (data) => (log += data));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(text);
      else reject(new Error(`${command} ${args.join(' ')}: ${log}`));
    });
  });
}

/** Figures of one loop. */
async function count(loop) {
  const file = join(output, `callgrind.${loop}`);
  const binary = join(output, 'loop');
  // Unlike --toggle-collect this leaves calls out that were made before.
  const range = ['--zero-before=Measured', '--dump-after=Measured'];
  const options = [...range, '--compress-strings=no', '--compress-pos=no', `--callgrind-out-file=${file}`];
  // All symbols are bound before the loop runs.
  const printed = await run('valgrind', ['--tool=callgrind', ...options, binary, loop], { LD_BIND_NOW: '1' });
  const packets = Number(printed);
  const sums = readProfile(readFileSync(`${file}.1`, 'utf8'), binary);
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / packets]));
}

/**
 * Sums of a profile. Its lines: `ob=`, `fn=` say whose the lines of costs that follow are; `cob=`, `cfn=`, `calls=N` are
 * a call, and the line after them is its cost, the callee's and not the function's own.
 */
function readProfile(text, binary) {
  const sums = { instructions: 0, cryptoCalls: 0, libcCalls: 0, allocations: 0 };
  let owner = '';
  let called = '';
  let callee = '';
  let isCall = false;
  for (const line of text.split('\n')) {
    const [key, value] = line.split(/=(.*)/s, 2);
    if (key === 'ob') owner = called = value;
    else if (key === 'cob') called = value;
    else if (key === 'cfn') callee = value;
    else if (key === 'calls') {
      const calls = Number(value.split(' ', 1)[0]);
      if (owner === binary) {
        if (ALLOCATION.test(callee)) sums.allocations += calls;
        else if (/\/libcrypto\b/.test(called)) sums.cryptoCalls += calls;
        else if (/\/libc\b/.test(called)) sums.libcCalls += calls;
      }
      called = owner;
      isCall = true;
    } else if (/^[+*\-\d]/.test(line)) {
      if (!isCall && owner === binary) sums.instructions += Number(line.split(' ')[1]);
      isCall = false;
    }
  }
  if (sums.instructions === 0) throw new Error('no instruction of the loop is in the profile');
  return sums;
}

function update(measured) {
  const figures = Object.fromEntries(
    Object.keys(LOOPS).map((loop, i) => [
      loop,
      Object.fromEntries(Object.entries(measured[i]).map(([name, value]) => [name, Math.round(value * 100) / 100])),
    ]),
  );
  writeBaseline({ ...readBaseline(), instructions: { compiler: compilerName(), loops: figures } });
  console.log('the baseline is new\n');
  compare(measured);
}

function compare(measured) {
  const baseline = readBaseline().instructions;
  const names = Object.entries(LOOPS).flatMap(([loop, title]) =>
    Object.keys(FIGURES).map((name) => [loop, title, name]),
  );
  const compiler = why === undefined ? compilerName() : '';
  const sameMachine = compiler.split(' ').at(-1) === baseline.compiler.split(' ').at(-1);
  const reason = why ?? (sameMachine ? undefined : `the baseline is of ${baseline.compiler}, this is ${compiler}`);
  const major = (name) => name.replace(/(\d+)[.\d]*/, '$1');
  const isSame = major(compiler) === major(baseline.compiler);
  if (reason !== undefined) console.log(`instructions per packet: skipped, ${reason}`);
  else console.log(`${compiler}${isSame ? '' : `, baseline of ${baseline.compiler}: wider limits`}`);
  for (const [loop, title, name] of names) {
    const { unit, digits } = FIGURES[name];
    const what = `${title}: ${unit}`;
    if (reason !== undefined) {
      report.skip(what, reason);
      continue;
    }
    const was = baseline.loops[loop]?.[name];
    const share = isSame ? TOLERANCE : OTHER_COMPILER;
    // Whether a short copy is a call is for the compiler to say.
    const calls = name === 'libcCalls' && !isSame ? 2 : CALLS_TOLERANCE;
    const limit = name === 'instructions' ? was * (1 + share) : was + calls;
    report.add(what, { value: measured[Object.keys(LOOPS).indexOf(loop)][name], baseline: was, limit, digits });
  }
}
