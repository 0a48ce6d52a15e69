import { sttError } from '../node-errors.js';
import { NativePacketEngine } from '../native/packet-engine.js';
import type { CryptoProvider } from '../ports/crypto.js';
import type { BoundAddress, PacketEngine, PacketEngineEvents } from '../ports/packet-engine.js';
import type { Random } from '../ports/random.js';
import { loadNativeProvider } from '../stc/native-provider.js';
import { nodeProvider } from '../stc/node-provider.js';
import { openJsEngine } from '../transport/udp-js.js';
import { bindAny } from '../transport/udp-socket.js';
import type { Backend, NodeConfig } from './node-options.js';
import { pooledRandom } from './pooled-random.js';

/** The implementation that a node uses. */
export interface ChosenBackend {
  readonly name: 'native' | 'js';
  /** Why it is not the native one although that was preferred. */
  readonly reason: string | undefined;
  readonly crypto: CryptoProvider;
  readonly random: Random;
}

/**
 * Native if it can be loaded, else pure JS; or what is demanded.
 * @throws STTTransportError `ERR_STT_BACKEND_UNAVAILABLE`
 */
export function chooseBackend(wanted: Backend): ChosenBackend {
  if (wanted === 'js') return chosen('js', nodeProvider);
  const native = loadNativeProvider();
  if ('provider' in native) return chosen('native', native.provider);
  if (wanted === 'native') throw sttError('ERR_STT_BACKEND_UNAVAILABLE', { why: native.why });
  return chosen('js', nodeProvider, native.why);
}

function chosen(name: 'native' | 'js', crypto: CryptoProvider, reason?: string): ChosenBackend {
  return { name, reason, crypto, random: pooledRandom(crypto) };
}

/** Binds a socket with a packet engine on it. Rejects with the system's own error. */
export async function openEngine(
  backend: ChosenBackend,
  config: NodeConfig,
  events: PacketEngineEvents,
): Promise<{ readonly engine: PacketEngine; readonly bound: BoundAddress }> {
  return bindAny(config.host, (host) => open(backend, config, host, events));
}

async function open(
  backend: ChosenBackend,
  config: NodeConfig,
  host: string,
  events: PacketEngineEvents,
): Promise<{ readonly engine: PacketEngine; readonly bound: BoundAddress }> {
  const options = {
    host,
    port: config.port,
    receiveBufferOctets: config.socketBufferOctets,
    sendBufferOctets: config.socketBufferOctets,
    events,
  };
  if (backend.name === 'native') {
    const engine = NativePacketEngine.open({ ...options, busyPollMicros: config.busyPollMicros });
    return { engine, bound: engine.boundAddress! };
  }
  const { engine, boundAddress } = await openJsEngine({ ...options, crypto: backend.crypto });
  return { engine, bound: boundAddress };
}
