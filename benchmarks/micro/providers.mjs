// The three implementations of the primitives; the native one only where the addon is.
import { loadNativeProvider } from '../../dist/stc/native-provider.js';
import { nobleProvider } from '../../dist/stc/noble-provider.js';
import { nodeProvider } from '../../dist/stc/node-provider.js';

const native = loadNativeProvider();

export const PROVIDERS = {
  ...('provider' in native ? { native: native.provider } : {}),
  node: nodeProvider,
  noble: nobleProvider,
};

/** An object with what `make` gives for each provider. */
export function byProvider(make) {
  return Object.fromEntries(Object.entries(PROVIDERS).map(([name, provider]) => [name, make(provider)]));
}
