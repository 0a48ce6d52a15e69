import type { WarnOfSeed } from './stc-root.js';

const given = new Set<string>();

/** Warns once in a process for each code (`process.emitWarning`, type STTWarning). */
function warnOnce(message: string, code: string): void {
  if (given.has(code)) return;
  given.add(code);
  process.emitWarning(message, { type: 'STTWarning', code });
}

/** `STT_SHORT_SEED` */
export const warnOfShortSeed: WarnOfSeed = (name, octets) =>
  warnOnce(
    `${name} has ${octets} octets; 32 random ones are right. A seed must never be a password: it can be guessed offline.`,
    'STT_SHORT_SEED',
  );
