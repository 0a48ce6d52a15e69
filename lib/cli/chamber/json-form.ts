import type { SttDict, SttValue } from '../../wire/serialization.js';

/*
 * Records as JSON. What JSON does not have is an object of one key: {"$bytes": base64url}, {"$int": "..."} beyond 2^53,
 * {"$float": "NaN" | "Infinity" | "-Infinity" | "-0" | "1e+300"}; and a dictionary that looks like one of these is {"$dict": {...}}.
 */

const FLOAT = /^(NaN|-?Infinity|-?\d{1,400}(\.\d{1,400})?(e[+-]?\d{1,3})?)$/;
const MAX_DEPTH = 64;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A record's dictionary as what JSON.stringify takes. */
export function toJson(value: SttValue): Json {
  if (typeof value === 'bigint') return { $int: String(value) };
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return { $float: '-0' };
    const isPlain = Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
    return isPlain ? value : { $float: String(value) };
  }
  if (value === null || typeof value !== 'object') return value as Json;
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64url') };
  if (Array.isArray(value)) return (value as readonly SttValue[]).map(toJson);
  const entries = Object.entries(value as SttDict).map(([key, item]) => [key, toJson(item)] as const);
  const dict = Object.fromEntries(entries);
  return entries.length === 1 && entries[0]![0].startsWith('$') ? { $dict: dict } : dict;
}

/**
 * A dictionary from JSON text.
 * @throws SyntaxError, that says what is wrong
 */
export function parseJsonRecord(text: string): SttDict {
  const value = fromJson(parsed(text), 0);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new SyntaxError('a record is an object {"name": value, ...}');
  }
  return value as SttDict;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // The message of JSON.parse shows a part of the text, which may be secret.
    throw new SyntaxError('it is no JSON');
  }
}

function fromJson(json: Json, depth: number): SttValue {
  if (depth > MAX_DEPTH) throw new SyntaxError(`it is deeper than ${MAX_DEPTH} levels`);
  if (typeof json === 'number' && Number.isInteger(json) && !Number.isSafeInteger(json)) {
    throw new SyntaxError(`${json} is not exact; write it as {"$int": "..."}`);
  }
  if (json === null || typeof json !== 'object') return json;
  if (Array.isArray(json)) return (json as readonly Json[]).map((item) => fromJson(item, depth + 1));
  const dict = json as Readonly<Record<string, Json>>;
  const [key, ...more] = Object.keys(dict);
  return key?.startsWith('$') === true && more.length === 0 ? special(key, dict[key]!, depth) : fromDict(dict, depth);
}

function fromDict(dict: Readonly<Record<string, Json>>, depth: number): SttDict {
  return Object.fromEntries(Object.entries(dict).map(([key, item]) => [key, fromJson(item, depth + 1)])) as SttDict;
}

function special(key: string, json: Json, depth: number): SttValue {
  if (key === '$dict' && typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return fromDict(json as Readonly<Record<string, Json>>, depth);
  }
  if (key === '$bytes' && typeof json === 'string' && /^[\w-]*$/.test(json)) {
    return new Uint8Array(Buffer.from(json, 'base64url'));
  }
  if (key === '$int' && typeof json === 'string' && /^-?\d{1,20}$/.test(json)) return BigInt(json);
  if (key === '$float' && typeof json === 'string' && FLOAT.test(json)) return Number(json);
  throw new SyntaxError(
    `{"${key}": ...} is none of {"$bytes": base64url}, {"$int": "..."}, {"$float": "NaN"}, {"$dict": {...}}`,
  );
}
