// Fuzzes the parsers of the addon with libFuzzer under AddressSanitizer and UndefinedBehaviorSanitizer.
//
//   npm run fuzz [-- --seconds N] [fuzzer...]     fuzzers: frame, packet, handshake; all of them by default
//   npm run fuzz -- --merge [fuzzer...]           adds to test/fuzz/corpus what reaches code that nothing there does
//
// Needs clang++ with its run-time library (Debian: clang, libclang-rt-dev) and OpenSSL's headers (libssl-dev); without
// them it says so and does nothing. Inputs grow in build/fuzz/. With STT_REPORTS=DIR it leaves DIR/fuzz.json.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FUZZERS = ['frame', 'packet', 'handshake'];
const COMPILERS = ['clang++', ...[19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`)];
const SANITIZERS = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize=vptr', '-fno-sanitize-recover=all'];
const FLAGS = [
  '-std=c++17',
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-fno-rtti',
  '-fno-exceptions',
  '-Wall',
  '-Wextra',
];

const args = process.argv.slice(2);
const secondsAt = args.indexOf('--seconds');
const seconds = secondsAt < 0 ? 20 : Number(args[secondsAt + 1]);
const merges = args.includes('--merge');
const named = args.filter((arg) => FUZZERS.includes(arg));
const chosen = named.length > 0 ? named : FUZZERS;

const output = join('build', 'fuzz');
mkdirSync(output, { recursive: true });

/** A compiler that can build a fuzzer, or undefined. */
function findCompiler() {
  const probe = join(output, 'probe.cc');
  writeFileSync(
    probe,
    '#include <openssl/evp.h>\n#include <cstddef>\n#include <cstdint>\n' +
      'extern "C" int LLVMFuzzerTestOneInput(const uint8_t*, size_t) { return EVP_aes_256_gcm() == nullptr; }\n',
  );
  const links = [...SANITIZERS, probe, '-lcrypto', '-o', join(output, 'probe')];
  return COMPILERS.find((compiler) => spawnSync(compiler, links, { stdio: 'ignore' }).status === 0);
}

function run(command, commandArgs) {
  return new Promise((resolve) => {
    const child = spawn(command, commandArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += data));
    child.on('error', (error) => resolve({ status: 1, log: String(error) }));
    child.on('close', (status) => resolve({ status, log }));
  });
}

/** Builds a fuzzer and runs it. True if it found nothing. */
async function fuzz(compiler, name) {
  const binary = join(output, name);
  const sources = readdirSync('native/core')
    .filter((file) => file.endsWith('.cc'))
    .map((file) => join('native/core', file));
  const built = await run(compiler, [
    ...FLAGS,
    ...SANITIZERS,
    '-Inative/core',
    join('test/fuzz', `${name}-fuzzer.cc`),
    ...sources,
    '-lcrypto',
    '-o',
    binary,
  ]);
  if (built.status !== 0) {
    console.log(`${name}: does not compile\n${built.log}`);
    return false;
  }
  const grown = join(output, `corpus-${name}`);
  const kept = join('test/fuzz/corpus', name);
  mkdirSync(grown, { recursive: true });
  mkdirSync(kept, { recursive: true });
  const { status, log } = await run(
    binary,
    merges
      ? ['-set_cover_merge=1', '-use_counters=0', '-max_len=512', kept, grown]
      : [`-max_total_time=${seconds}`, '-max_len=4096', `-artifact_prefix=${output}/finding-${name}-`, grown, kept],
  );
  if (status !== 0) {
    console.log(`${name}: a finding\n${log.slice(-8_000)}`);
    return false;
  }
  console.log(`${name}: ${/Done \d+ runs in \d+ second/.exec(log)?.[0] ?? 'merged'}, nothing found`);
  return true;
}

const compiler = findCompiler();
let failed = 0;
if (compiler === undefined) {
  console.log('fuzzers: skipped, there is no clang++ that builds them (Debian: clang, libclang-rt-dev, libssl-dev)');
} else {
  const results = await Promise.all(chosen.map((name) => fuzz(compiler, name)));
  failed = results.filter((good) => !good).length;
}

const reports = process.env['STT_REPORTS'];
if (reports !== undefined) {
  const skipped = compiler === undefined ? chosen.length : 0;
  const totals = { numTotalTests: chosen.length, numPassedTests: chosen.length - failed - skipped };
  writeFileSync(
    join(reports, 'fuzz.json'),
    JSON.stringify({ ...totals, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0, testResults: [] }),
  );
}
process.exitCode = failed === 0 ? 0 : 1;
