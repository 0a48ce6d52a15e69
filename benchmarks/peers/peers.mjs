// Whom the macro benchmarks compare: name on the command line -> label, module here, environment, and the metrics that
// it can be measured by; `packages` that it needs, and how they are installed if not by benchmarks/package.json.
import { createRequire } from 'node:module';

const STT = ['bulk', 'borrowed', 'jumbo', 'streams', 'sessions', 'messages', 'corked', 'single', 'datagrams'];
const OWN = [...STT, 'rtt', 'cycles', 'cyclesPlain', 'idle'];
const STREAM = ['bulk', 'messages', 'single', 'rtt', 'cycles', 'idle'];

export const PEERS = {
  native: { label: 'STT native', module: 'stt', env: { STT_BACKEND: 'native' }, metrics: OWN },
  js: { label: 'STT JS', module: 'stt', env: { STT_BACKEND: 'js' }, metrics: OWN },
  noble: {
    label: 'STT JS, @noble',
    module: 'stt-noble',
    env: { STT_BACKEND: 'js' },
    metrics: ['bulk', 'borrowed', 'messages', 'rtt', 'cyclesPlain'],
  },
  webSocket: {
    label: 'STT/WebSocket',
    module: 'stt-web-socket',
    env: { STT_BACKEND: 'native' },
    metrics: ['bulk', 'borrowed', 'messages', 'rtt', 'cycles'],
  },
  tls: { label: 'node:tls', module: 'tls', metrics: STREAM, needsCertificate: true },
  net: { label: 'node:net, plain', module: 'net', metrics: STREAM },
  dgram: { label: 'node:dgram, bare', module: 'dgram', metrics: ['rtt', 'datagrams'] },
  ws: { label: 'ws, plain', module: 'ws', metrics: ['bulk', 'datagrams', 'rtt', 'cycles', 'idle'] },
  udx: {
    label: 'udx+secret-stream',
    module: 'udx',
    packages: ['udx-native', '@hyperswarm/secret-stream'],
    metrics: ['bulk', 'datagrams', 'rtt', 'cycles', 'idle'],
  },
  quinn: {
    label: 'quinn (QUIC)',
    module: 'quinn',
    packages: ['@chainsafe/libp2p-quic', '@libp2p/crypto'],
    // Not in package.json: of this one every platform's binary would have to be there for `npm ci` to succeed on any.
    install: 'npm install --prefix benchmarks --no-save @chainsafe/libp2p-quic@1.1.8 @libp2p/crypto@5.1.23',
    metrics: ['bulk', 'messages', 'rtt', 'cycles'],
  },
};

/** Why a peer cannot be measured here, or undefined. */
export function whyNot(
  { packages = [], install = 'npm ci --prefix benchmarks', needsCertificate = false },
  { hasCertificate },
) {
  if (needsCertificate && !hasCertificate) return 'there is no openssl to make a certificate with';
  const require = createRequire(import.meta.url);
  const missing = packages.find((name) => !require.resolve.paths(name).some((path) => isThere(require, path, name)));
  return missing === undefined ? undefined : `${missing} is not installed (${install})`;
}

function isThere(require, path, name) {
  try {
    require.resolve(`${path}/${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}
