import { sttError, type STTError } from './errors.js';

let hintOf = (_name: string, _known: readonly string[]): string => '';

/** @internal What to say besides of a name that is not known; nothing by default. */
export function hintWith(hint: typeof hintOf): void {
  hintOf = hint;
}

/** Refuses options that are not in `known`. */
export function checkOptionNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw sttError('ERR_STT_UNKNOWN_OPTION', { name, hint: hintOf(name, known) });
  }
}

/** An integer option in a range, or its default. */
export function integerOption(name: string, value: unknown, fallback: number, min: number, max: number): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw optionError(name, String(value), `an integer from ${min} to ${max}`);
}

/** @throws STTConfigError `ERR_STT_OPTION_RANGE` unless the value is a Uint8Array */
export function bytesOption(name: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw optionError(name, typeof value, 'a Uint8Array');
}

/** `ERR_STT_OPTION_RANGE` */
export function optionError(name: string, value: unknown, expected: string): STTError {
  return sttError('ERR_STT_OPTION_RANGE', { name, value, expected });
}
