import type { Warn } from './stc-root.js';

const given = new Set<string>();

/** Warns once in a process for each code (`process.emitWarning`, type STTWarning). */
export const warnOnce: Warn = (message, code) => {
  if (given.has(code)) return;
  given.add(code);
  process.emitWarning(message, { type: 'STTWarning', code });
};
