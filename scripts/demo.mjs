// npm run demo [PATH]: sends a file (256 MiB of generated data unless a path is given) from one process to another over
// UDP on the loopback interface. Both are ordinary `stt` commands with identities of their own and a fresh shared seed;
// all they write is in a temporary directory that is removed at the end. Exits with 0 only if the hashes match.
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const GENERATED_OCTETS = 256 * 1024 * 1024;
const STT = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
/** A demonstration that takes longer than this has failed. */
const LISTEN_TIMEOUT_MS = 20_000;

const children = new Set();

/** An `stt` process: its events one by one, and its exit code. */
function stt(args, { name, env }) {
  const child = spawn(process.execPath, [STT, ...args, '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const events = [];
  const listeners = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line);
    events.push(event);
    for (const listener of listeners) listener(event);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    clearLine();
    console.error(`${name}: ${line}`);
  });
  const exit = new Promise((done) => {
    child.once('close', (code, signal) => {
      children.delete(child);
      done(code ?? signal);
    });
  });
  return {
    events,
    exit,
    on: (listener) => listeners.push(listener),
    /** The first event of a kind; rejects if the process ends before. */
    first: (kind) =>
      new Promise((found, failed) => {
        const known = events.find(({ event }) => event === kind);
        if (known !== undefined) found(known);
        listeners.push((event) => {
          if (event.event === kind) found(event);
        });
        exit.then((code) => failed(new Error(`${name} ended with ${code}`)));
      }),
  };
}

function clearLine() {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}

let lastShown = -1;
function showProgress({ octets, total, octetsPerSecond }) {
  const percent = Math.floor((octets / total) * 100);
  const text = `${String(percent).padStart(3)} %  ${(octets / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB  ${gigabits(octetsPerSecond)} Gbit/s`;
  if (process.stderr.isTTY) {
    const done = Math.round(percent * 0.4);
    process.stderr.write(`\r[${'='.repeat(done)}${' '.repeat(40 - done)}] ${text}\u001b[K`);
  } else if (percent >= lastShown + 25) {
    lastShown = percent;
    console.error(text.trim());
  }
}

function gigabits(octetsPerSecond) {
  return ((octetsPerSecond * 8) / 1e9).toFixed(2);
}

async function generate(path) {
  const file = await open(path, 'w');
  const block = Buffer.allocUnsafe(8 * 1024 * 1024);
  for (let at = 0; at < GENERATED_OCTETS; at += block.length) {
    await file.write(randomFillSync(block));
  }
  await file.close();
}

async function sha256(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}

/** Compares every file that the sender says was sent with what is there, hashed anew. */
async function compare(sender, inbox) {
  const sent = sender.events.filter(({ event }) => event === 'done');
  let matching = 0;
  for (const { path, sha256: expected } of sent) {
    if ((await sha256(join(inbox, path))) === expected) matching++;
    else console.error(`${path}: the hash of what arrived differs`);
  }
  return { sent: sent.length, matching, hash: sent.length === 1 ? sent[0].sha256 : undefined };
}

async function demonstrate(directory, path) {
  let source = path;
  if (source === undefined) {
    source = join(directory, 'generated.bin');
    console.log(`Generating ${GENERATED_OCTETS / 1024 / 1024} MiB of random data`);
    await generate(source);
  }
  const inbox = join(directory, 'inbox');
  const STT_SHARED_SEED = randomBytes(32).toString('base64url');
  const identity = (name) => ({
    STT_SHARED_SEED,
    XDG_CONFIG_HOME: join(directory, name),
    APPDATA: join(directory, name),
  });

  const receiver = stt(['recv', '--listen', '127.0.0.1:0', '--out', inbox, '--once'], {
    name: 'receiver',
    env: identity('receiver'),
  });
  const timer = setTimeout(() => stopChildren(), LISTEN_TIMEOUT_MS);
  const { address, port, nodeId, backend } = await receiver.first('listening');
  clearTimeout(timer);
  console.log(`Receiver ${nodeId.slice(0, 16)}… listens on ${address}:${port} (UDP)`);

  // The receiver's identity is pinned, as one would between two machines.
  const sender = stt(['send', source, `${address}:${port}`, '--peer', nodeId], {
    name: 'sender',
    env: identity('sender'),
  });
  sender.on((event) => {
    if (event.event === 'progress' && event.total > 0) showProgress(event);
  });
  const codes = await Promise.all([sender.exit, receiver.exit]);
  clearLine();
  const summary = sender.events.find(({ event }) => event === 'summary');
  if (summary === undefined || codes.some((code) => code !== 0)) {
    console.error(`The transfer failed: sender ended with ${codes[0]}, receiver with ${codes[1]}`);
    return false;
  }
  const { sent, matching, hash } = await compare(sender, inbox);
  const rate = summary.octets / summary.seconds;
  const loss = summary.packetsSent === 0 ? 0 : (summary.packetsLost / summary.packetsSent) * 100;
  const rows = [
    [
      'sent',
      `${sent} file${sent === 1 ? '' : 's'}, ${summary.octets} octets in ${summary.seconds.toFixed(2)} s, read, sealed, opened, hashed and synced to the disk`,
    ],
    ['rate', `${gigabits(rate)} Gbit/s (${(rate / 1e6).toFixed(0)} MB/s)`],
    ['RTT', `${summary.minRttMs.toFixed(3)} ms at least, ${summary.rttMs.toFixed(3)} ms under load`],
    ['packets', `${summary.packetsSent}, ${summary.packetsLost} lost (${loss.toFixed(3)} %)`],
    ['backend', `sender ${summary.backend}, receiver ${backend}`],
    ['hashes', matching === sent && sent > 0 ? `match${hash === undefined ? '' : ` (sha256 ${hash})`}` : 'DIFFER'],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(8)} ${value}`);
  return sent > 0 && matching === sent;
}

function stopChildren() {
  for (const child of children) child.kill();
}

if (!existsSync(STT)) {
  console.error('dist/ is missing. Run `npm ci` or `npm run compile` first.');
  process.exit(1);
}
const path = process.argv[2] === undefined ? undefined : resolve(process.argv[2]);
if (path !== undefined && !existsSync(path)) {
  console.error(`${path} does not exist. Usage: npm run demo [PATH]`);
  process.exit(2);
}
const directory = await mkdtemp(join(tmpdir(), 'stt-demo-'));
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    interrupted = true;
    stopChildren();
  });
}
try {
  const succeeded = await demonstrate(directory, path);
  process.exitCode = interrupted ? 130 : succeeded ? 0 : 1;
} catch (error) {
  console.error(`The demonstration failed: ${error.message}`);
  process.exitCode = interrupted ? 130 : 1;
} finally {
  stopChildren();
  await rm(directory, { recursive: true, force: true });
}
