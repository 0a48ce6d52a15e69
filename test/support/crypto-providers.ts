import { describe } from 'vitest';
import type { CryptoProvider } from '../../lib/ports/crypto.js';
import { loadNativeProvider } from '../../lib/stc/native-provider.js';
import { nobleProvider } from '../../lib/stc/noble-provider.js';
import { nodeProvider } from '../../lib/stc/node-provider.js';

const native = loadNativeProvider();
if (!('provider' in native) && process.env['STT_BACKEND'] === 'native') throw new Error(native.why);

/** Every implementation of the primitives that this machine has. */
export const providers: readonly CryptoProvider[] = [
  nobleProvider,
  nodeProvider,
  ...('provider' in native ? [native.provider] : []),
];

/** The provider that the backend under test uses. */
export const provider: CryptoProvider =
  process.env['STT_BACKEND'] !== 'js' && 'provider' in native ? native.provider : nodeProvider;

/** Describes the same for each of them; one that is missing is shown as skipped, with the reason. */
export function describeProviders(name: string, tests: (crypto: CryptoProvider) => void): void {
  for (const crypto of providers) describe(`${name} (${crypto.name})`, () => tests(crypto));
  if (!('provider' in native)) describe.skip(`${name} (native): ${native.why}`, () => {});
}

export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
export const hex = (octets: Uint8Array | undefined): string | undefined =>
  octets === undefined ? undefined : Buffer.from(octets).toString('hex');
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
