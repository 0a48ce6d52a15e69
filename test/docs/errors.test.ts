import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../lib/constants.js';
import { ERRORS, errorCodeOfClose, STTError, sttError, type ErrorCode } from '../../lib/node-errors.js';
import { COMMAND_CODES, makeErrorsDoc } from '../../scripts/make-errors-doc.mjs';

const root = new URL('../../', import.meta.url);
const codes = Object.keys(ERRORS) as ErrorCode[];
const closeCodes = new Map(codes.map((code) => [code, (ERRORS[code] as { closeCode?: number }).closeCode]));

/** The sources under a directory of the library, without the tables themselves. */
const sourcesOf = (directory: string): string =>
  readdirSync(new URL(directory, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('errors.ts'))
    .map((name) => readFileSync(new URL(directory + name, root), 'utf8'))
    .join('\n');
const sources = sourcesOf('lib/');

describe('the table of errors', () => {
  it('is what docs/errors.md says (run `npm run docs:errors`)', () => {
    expect(readFileSync(new URL('docs/errors.md', root), 'utf8')).toBe(makeErrorsDoc(ERRORS));
  });

  it.each(codes.filter((code) => closeCodes.get(code) === undefined))('%s is thrown somewhere', (code) => {
    expect(sources.includes(`'${code}'`)).toBe(true);
  });

  it.each(codes.filter((code) => closeCodes.get(code) !== undefined))('%s comes from its close code', (code) => {
    expect(errorCodeOfClose(closeCodes.get(code)!)).toBe(code);
    expect(sources.includes('errorCodeOfClose(')).toBe(true);
  });

  it('has an error for every close code', () => {
    const covered = [...closeCodes.values()];
    expect(Object.values(CloseCode).filter((code) => !covered.includes(code))).toEqual([]);
  });

  it.each(codes)('%s makes an error of its class, all details filled', (code) => {
    const details = Object.fromEntries([...ERRORS[code].message.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, '7']));
    const error = sttError(code, details);
    expect(error).toBeInstanceOf(STTError);
    expect(error).toBeInstanceOf(ERRORS[code].type);
    expect(error.code).toBe(code);
    expect(error.name).toBe(ERRORS[code].type.name);
    expect(error.message).not.toMatch(/[{}]|unknown/);
  });

  it('holds every code in the library, but for those of the command', () => {
    const known = [...codes, ...Object.keys(COMMAND_CODES), 'ERR_STT_'];
    const used = new Set(sources.match(/ERR_STT_[A-Z0-9_]*/g));
    expect([...used].filter((code) => !known.includes(code))).toEqual([]);
  });

  it.each(Object.keys(COMMAND_CODES))('%s is reported by the command', (code) => {
    expect(sourcesOf('lib/cli/').includes(`'${code}'`)).toBe(true);
    expect(codes).not.toContain(code);
  });
});
