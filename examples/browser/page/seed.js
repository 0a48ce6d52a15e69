// Seeds as `stt keygen` prints them, and where one is kept if the person asks for it.
const KEY = 'stt-example-seed';

/** Octets of a seed in base64url, or undefined. */
export function parseSeed(text) {
  const digits = text.trim().replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  try {
    const octets = Uint8Array.from(atob(digits), (character) => character.charCodeAt(0));
    return octets.length >= 16 ? octets : undefined;
  } catch {
    return undefined;
  }
}

export function keptSeed() {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a seed in the browser, or with undefined forgets it. */
export function keepSeed(text) {
  try {
    if (text === undefined) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, text);
  } catch {
    // Storage is switched off: then nothing is kept, which is what matters.
  }
}
