// Prints one SHA-256 over everything the addon is built from. binding.gyp compiles it in, the addon exports it as
// `sourceHash`, and whoever loads an addon can tell whether it was built from the sources beside it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export function sourceHash(directory = root) {
  const sources = readdirSync(join(directory, 'native'), { recursive: true })
    .map((name) => `native/${name.replaceAll('\\', '/')}`)
    .filter((name) => /\.(h|cc)$/.test(name));
  const hash = createHash('sha256');
  for (const name of [...sources, 'binding.gyp'].sort()) {
    // The same sum on a checkout that turned line ends into CRLF.
    const text = readFileSync(join(directory, name), 'utf8').replaceAll('\r\n', '\n');
    hash.update(`${name}\0${text.length}\0${text}`);
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(sourceHash());
