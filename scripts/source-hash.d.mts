/** SHA-256, in hex, over everything that the addon is built from. */
export function sourceHash(directory?: string): string;
