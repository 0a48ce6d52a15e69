// npm run example:browser -- [--port PORT] [--host ADDR] [--dir DIR]
//
// Builds the page with vite, serves it, and starts a node that takes WebSockets on the same port, under /stt. What pages
// send is put into DIR (default: a new temporary directory), and what is in DIR can be got from pages. The shared seed is
// that of STT_SHARED_SEED, or a new one. All on the loopback interface unless --host says otherwise.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';

const DIST = new URL('../../dist/', import.meta.url);
if (!existsSync(new URL('index.js', DIST))) {
  console.error('dist/ is missing. Run `npm ci` or `npm run compile` first.');
  process.exit(1);
}
const { deserializeStt, serializeStt, STTNode } = await import(new URL('index.js', DIST));
// The two sides of the file-transfer protocol as the command `stt` has them.
const { DirectoryDestination } = await import(new URL('transfer/destination.js', DIST));
const { HashWorker } = await import(new URL('transfer/hash-worker.js', DIST));
const { receiveFiles } = await import(new URL('transfer/receiver.js', DIST));
const { sendFiles } = await import(new URL('transfer/sender.js', DIST));
const { sourceOf } = await import(new URL('transfer/source-tree.js', DIST));
const { TargetDirectory } = await import(new URL('transfer/target-directory.js', DIST));

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    host: { type: 'string', default: '127.0.0.1' },
    dir: { type: 'string' },
  },
});
/** Files that a page is told of: as many as fit a message with room to spare. */
const MAX_OFFERED = 100;
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** The page's files by path: kept in memory, so that nothing is left behind. */
async function buildPage() {
  const configFile = fileURLToPath(new URL('./vite.config.js', import.meta.url));
  const { output } = await build({ configFile, logLevel: 'warn', build: { write: false } });
  return new Map(output.map((file) => [`/${file.fileName}`, file.code ?? file.source]));
}

const files = await buildPage();
const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://page').pathname;
  const body = files.get(path === '/' ? '/index.html' : path);
  if (body === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(body === undefined ? 404 : 405, HEADERS).end();
    return;
  }
  const type = TYPES[path === '/' ? 'html' : path.split('.').at(-1)] ?? 'application/octet-stream';
  response.writeHead(200, { ...HEADERS, 'content-type': type }).end(request.method === 'HEAD' ? undefined : body);
});
server.listen(Number(options.port), options.host);
try {
  await once(server, 'listening');
} catch (error) {
  console.error(`The page cannot be served on ${options.host}:${options.port}: ${error.message}. Try --port PORT.`);
  process.exit(1);
}
const { port } = server.address();

const directory = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), 'stt-page-'))));
const destination = new DirectoryDestination(await TargetDirectory.open(directory, { force: false }));
const hashes = new HashWorker();
const seedText = process.env.STT_SHARED_SEED ?? randomBytes(32).toString('base64url');
const hosts = new Set([options.host, '127.0.0.1', 'localhost']);
const node = new STTNode({
  nodeSeed: randomBytes(32),
  sharedSeed: Buffer.from(seedText, 'base64url'),
  host: '127.0.0.1',
  keepAlive: true,
  // Pages of other origins may not even try.
  webSocket: { server, path: '/stt', allowedOrigins: Array.from(hosts, (host) => `http://${host}:${port}`) },
});
node.on('error', (error) => console.error(error.message));

/** Names and sizes of the files that pages can get. */
async function offered() {
  const list = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.') || list.length === MAX_OFFERED) continue;
    list.push({ name: entry.name, size: (await stat(join(directory, entry.name))).size });
  }
  return list.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function tell(session, notice) {
  session.sendMessage(serializeStt(notice)).catch(() => {});
}

/** What a page wants: `{ list: true }`, or `{ get: NAME }`. */
async function onMessage(session, data) {
  let wish;
  try {
    wish = deserializeStt(data);
  } catch {
    return;
  }
  if (wish?.list === true) tell(session, { files: await offered() });
  if (typeof wish?.get === 'string') {
    // Only what was offered: a name is no path.
    if (!(await offered()).some(({ name }) => name === wish.get)) {
      tell(session, { refused: wish.get, why: 'there is no such file any more' });
      return;
    }
    const stream = await session.openStream();
    await sendFiles(stream, [await sourceOf(join(directory, wish.get))], hashes, {
      onFileDone: ({ path }, _status, size) => console.log(`sent      ${path} (${size} octets)`),
    });
  }
}

node.on('session', (session) => {
  const peer = Buffer.from(session.peerNodeId).toString('hex').slice(0, 16);
  console.log(`session   with ${peer}… over ${session.transport}`);
  session.on('error', () => {});
  session.on('message', ({ data }) => {
    onMessage(session, data).catch((error) => console.log(`broke off ${error.message}`));
  });
  session.on('stream', (stream) => {
    receiveFiles(stream, destination, hashes, {
      onFileDone: ({ path }, status, size) => console.log(`received  ${path} (${size} octets, ${status})`),
    }).catch((error) => console.log(`broke off ${error.message}`));
  });
});
await node.start();

console.log(`page      http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}/`);
console.log(`seed      ${seedText}`);
console.log(`files     ${directory}`);

let isStopping = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    await node.stop();
    await hashes.close();
    server.close();
    server.closeAllConnections();
  });
}
