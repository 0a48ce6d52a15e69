/** The octets of an ASCII text: labels of derivations (STT §1). */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
