import { MAX_DEPTH, MAX_NAME, MAX_PATH } from './messages.js';

/** Ends of names that the receiver keeps for itself: a file that is not complete yet. */
export const PARTIAL_SUFFIX = '.stt-part';

/** What Windows takes for a device or cannot store (the whole file system is shared with such names elsewhere). */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?$/i;
const WINDOWS_RESERVED = /[<>:"\\|?*\u0001-\u001f]|[. ]$/;

/**
 * Splits a path that a peer sent into names that stay inside the directory they are put in, or says why it is refused.
 * Symbolic links on the way are the directory's own matter (`TargetDirectory`).
 */
export function splitPath(path: string, platform: string = process.platform): readonly string[] | string {
  if (path === '') return 'the name is empty';
  if (path.includes('\0')) return 'the name contains a NUL octet';
  if (path.startsWith('/')) return 'the name is absolute';
  if (Buffer.byteLength(path) > MAX_PATH) return `the name is longer than ${MAX_PATH} octets`;
  const names = path.split('/');
  if (names.length > MAX_DEPTH) return `the name is more than ${MAX_DEPTH} directories deep`;
  for (const name of names) {
    const why = refusedName(name, platform);
    if (why !== undefined) return why;
  }
  return names;
}

/** Why one component is refused, or undefined. */
function refusedName(name: string, platform: string): string | undefined {
  if (name === '') return 'the name has an empty component';
  if (name === '.' || name === '..') return 'the name leaves the directory';
  if (Buffer.byteLength(name) > MAX_NAME) return `a component of the name is longer than ${MAX_NAME} octets`;
  if (name.endsWith(PARTIAL_SUFFIX))
    return `names that end in ${PARTIAL_SUFFIX} are kept for files that are not complete`;
  if (platform === 'win32' && (WINDOWS_RESERVED.test(name) || WINDOWS_DEVICE.test(name))) {
    return 'the name is not possible on Windows';
  }
  return undefined;
}

/** The name under which a file is kept until it is complete: hidden, next to its final place, the same after a restart. */
export function partialName(name: string, digest: (text: string) => string): string {
  const plain = `.${name}${PARTIAL_SUFFIX}`;
  return Buffer.byteLength(plain) <= MAX_NAME ? plain : `.${digest(name).slice(0, 32)}${PARTIAL_SUFFIX}`;
}

/** Text from a peer or of a file name made fit for one line of a terminal: nothing in it can move the cursor or ring. */
export function printable(text: string): string {
  // C0, DEL, C1, line and paragraph separators, and the marks that turn the direction of writing.
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
