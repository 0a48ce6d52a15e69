import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

/*
 * Test vectors made by others are no part of the project. They are looked for in the directory STT_VECTORS, and without
 * that in ../shared/vectors beside the project.
 */

const given = process.env['STT_VECTORS'];
const directory = given ?? fileURLToPath(new URL('../../../shared/vectors', import.meta.url));

/**
 * The vectors of a JSON file; undefined if there are none on this machine.
 * A directory that was named but lacks the file, and a file that is no JSON, are errors: tests must not vanish silently.
 */
export function vectors<T>(file: string): T | undefined {
  const path = `${directory}/${file}`;
  if (given === undefined && !existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** Describes tests on the vectors of a file; without them they are shown as skipped, with the reason. */
export function describeVectors<T>(name: string, file: string, tests: (data: T) => void): void {
  const data = vectors<T>(file);
  if (data !== undefined) describe(name, () => tests(data));
  else describe.skip(`${name}: no ${file}; set STT_VECTORS to a directory that has it`, () => {});
}
