import { sttError } from '../node-errors.js';
import { checkOptionNames } from '../options.js';
import { chooseProvider } from './node-provider-choice.js';
import { warnOfShortSeed } from './node-warn.js';
import { STCWrapper as PortableSTCWrapper } from './stc-wrapper.js';

export interface STCWrapperOptions {
  /** Where the primitives come from: the addon or node:crypto. Default: the addon if it can be loaded. */
  readonly backend?: 'native' | 'js';
}

/** `STCWrapper` with the primitives of Node. A seed of fewer than 32 octets gives one warning in a process. */
export class STCWrapper extends PortableSTCWrapper {
  /**
   * @param seed at least 16 octets, 32 random ones are right; never a password
   * @throws STTCryptoError `ERR_STT_SEED_TOO_SHORT`; STTTransportError `ERR_STT_BACKEND_UNAVAILABLE`;
   *   STTConfigError `ERR_STT_UNKNOWN_OPTION`, `ERR_STT_OPTION_RANGE`
   */
  constructor(seed: Uint8Array, options: STCWrapperOptions = {}) {
    checkOptionNames(options, ['backend']);
    const { backend } = options;
    if (backend !== undefined && backend !== 'native' && backend !== 'js') {
      throw sttError('ERR_STT_OPTION_RANGE', { name: 'backend', value: String(backend), expected: "'native' or 'js'" });
    }
    super(seed, { provider: chooseProvider(backend ?? 'auto'), warn: warnOfShortSeed });
  }
}
