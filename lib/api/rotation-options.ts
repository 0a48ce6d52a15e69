import { integerOption, optionError } from '../options.js';
import { DEFAULT_ROTATION_POLICY, type RotationPolicy } from '../protocol/rotation-policy.js';

/** When sessions change their keys of their own accord (STT §5). Either side may begin, so what is sooner counts. */
export interface RotationOptions {
  /**
   * Changes the keys of each session this node began soon after it opened (100 ms), so that from then on who recorded it
   * and has a quantum computer some day reads nothing. `false`: not before the other options say so. Default true.
   */
  readonly postQuantum?: boolean;
  /** Octets of UDP payload sent under one key. Default 16 GiB, at least 1 MiB. */
  readonly rotateAfterOctets?: number;
  /** Packets sent under one key. Default 4,194,304, at most 16,777,216 and at least 1,000. */
  readonly rotateAfterPackets?: number;
  /** Age of a key in milliseconds. Default 3,600,000 (one hour), at least 1,000. */
  readonly rotateAfterMs?: number;
}

export const ROTATION_OPTIONS = [
  'postQuantum',
  'rotateAfterOctets',
  'rotateAfterPackets',
  'rotateAfterMs',
] as const satisfies readonly (keyof RotationOptions)[];

/** Options checked and filled in. @throws STTConfigError `ERR_STT_OPTION_RANGE` */
export function rotationPolicy(options: RotationOptions): RotationPolicy {
  const { postQuantum = true } = options;
  if (typeof postQuantum !== 'boolean') {
    throw optionError('postQuantum', String(postQuantum), 'true or false');
  }
  const { afterOctets, afterPackets, afterMs, firstAfterMs } = DEFAULT_ROTATION_POLICY;
  const most = Number.MAX_SAFE_INTEGER;
  return {
    firstAfterMs: postQuantum ? firstAfterMs : Infinity,
    afterOctets: integerOption('rotateAfterOctets', options.rotateAfterOctets, afterOctets, 1_048_576, most),
    afterPackets: integerOption('rotateAfterPackets', options.rotateAfterPackets, afterPackets, 1_000, 2 ** 24),
    afterMs: integerOption('rotateAfterMs', options.rotateAfterMs, afterMs, 1_000, 86_400_000),
  };
}
