import type { NoisePattern, NoiseToken } from '../../lib/protocol/noise.js';

const K = true;
const none = false;

const pattern = (initiatorKnown: boolean, responderKnown: boolean, ...messages: readonly string[]): NoisePattern => ({
  initiatorKnown,
  responderKnown,
  messages: messages.map((message) => message.split(' ') as NoiseToken[]),
});

/** The interactive patterns of Noise §7.5. STT uses IX with psk0; the others prove the machine by published vectors. */
const BASE = {
  NN: pattern(none, none, 'e', 'e ee'),
  NK: pattern(none, K, 'e es', 'e ee'),
  NX: pattern(none, none, 'e', 'e ee s es'),
  KN: pattern(K, none, 'e', 'e ee se'),
  KK: pattern(K, K, 'e es ss', 'e ee se'),
  KX: pattern(K, none, 'e', 'e ee se s es'),
  XN: pattern(none, none, 'e', 'e ee', 's se'),
  XK: pattern(none, K, 'e es', 'e ee', 's se'),
  XX: pattern(none, none, 'e', 'e ee s es', 's se'),
  IN: pattern(none, none, 'e s', 'e ee se'),
  IK: pattern(none, K, 'e es s ss', 'e ee se'),
  IX: pattern(none, none, 'e s', 'e ee se s es'),
} as const;

/**
 * The pattern of a name such as `IXpsk0` or `XXpsk0+psk3`: psk0 stands before the first message, pskN after the Nth
 * (Noise §9.4).
 * @throws RangeError for names that are none
 */
export function noisePattern(name: string): NoisePattern {
  const found = /^([A-Z]{2})((?:psk\d(?:\+psk\d)*)?)$/.exec(name);
  const base = found === null ? undefined : (BASE as Readonly<Record<string, NoisePattern>>)[found[1]!];
  if (base === undefined) throw new RangeError(`no Noise pattern ${name}`);
  const messages = base.messages.map((tokens) => [...tokens]);
  for (const modifier of found![2]!.match(/\d/g) ?? []) {
    const position = Number(modifier);
    const message = messages[Math.max(0, position - 1)];
    if (message === undefined) throw new RangeError(`no message for psk${position} in ${name}`);
    if (position === 0) message.unshift('psk');
    else message.push('psk');
  }
  return { ...base, messages };
}
