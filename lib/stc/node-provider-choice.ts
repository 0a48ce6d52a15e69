import { sttError } from '../node-errors.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { loadNativeProvider } from './native-provider.js';
import { nodeProvider } from './node-provider.js';

/**
 * The primitives to use in Node: the addon's where it loads, else those of node:crypto; or what is demanded.
 * @throws STTTransportError `ERR_STT_BACKEND_UNAVAILABLE` if 'native' is demanded in vain
 */
export function chooseProvider(backend: 'auto' | 'native' | 'js'): CryptoProvider {
  if (backend === 'js') return nodeProvider;
  const native = loadNativeProvider();
  if ('provider' in native) return native.provider;
  if (backend === 'native') throw sttError('ERR_STT_BACKEND_UNAVAILABLE', { why: native.why });
  return nodeProvider;
}
