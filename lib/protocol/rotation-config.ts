import type { CryptoProvider } from '../ports/crypto.js';
import type { RotationHost } from '../ports/rotation-host.js';
import type { RotationPolicy } from './rotation-policy.js';

/** What a session needs to change its keys (STT §5). */
export interface RotationConfig {
  readonly crypto: CryptoProvider;
  /** `session_key` of STT §4, 32 octets. The session owns it from now on, and wipes it. */
  readonly sessionKey: Uint8Array;
  readonly policy: RotationPolicy;
  /** Who has the host; asked for it when the first rotation begins. */
  readonly owner: { readonly rotation: RotationHost };
}
