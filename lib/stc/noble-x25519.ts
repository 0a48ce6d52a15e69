import { pow } from '@noble/curves/abstract/modular.js';
import { montgomery } from '@noble/curves/abstract/montgomery.js';

/** 2^255 - 19 */
const P = 2n ** 255n - 19n;

/**
 * RFC 7748 X25519 by @noble's Montgomery ladder. @noble's own `x25519` brings the Edwards curve along, to be faster at
 * public keys: a tenth of the code of a page that makes two of them.
 */
export const x25519 = /* @__PURE__ */ montgomery({
  P,
  type: 'x25519',
  // The exponent is no secret.
  powPminus2: (x: bigint): bigint => pow(x, P - 2n, P),
  adjustScalarBytes: (bytes: Uint8Array): Uint8Array => {
    // RFC 7748 §5: clamping.
    bytes[0]! &= 248;
    bytes[31]! &= 127;
    bytes[31]! |= 64;
    return bytes;
  },
});
