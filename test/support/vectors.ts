import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';

/*
 * Test vectors made by others are no part of the project: the environment's STT_VECTORS names the directory they are in.
 */

const directory = process.env['STT_VECTORS'];

/**
 * The vectors of a JSON file; undefined if STT_VECTORS is not set. A directory that was named but lacks the file, and a
 * file that is no JSON, are errors: tests must not vanish silently.
 */
export function vectors<T>(file: string): T | undefined {
  if (directory === undefined || directory === '') return undefined;
  return JSON.parse(readFileSync(`${directory}/${file}`, 'utf8')) as T;
}

/** Describes tests on the vectors of a file; without them they are shown as skipped, with the reason. */
export function describeVectors<T>(name: string, file: string, tests: (data: T) => void): void {
  const data = vectors<T>(file);
  if (data !== undefined) describe(name, () => tests(data));
  else describe(name, () => it.skip(`skipped: STT_VECTORS names no directory with ${file}`, () => {}));
}
