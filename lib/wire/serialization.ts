import { SttReader } from './stt-reader.js';
import type { SttValue } from './stt-value.js';
import { SttWriter } from './stt-writer.js';

export { Float64, type SttDict, type SttValue } from './stt-value.js';

export interface DeserializeOptions {
  /** 'tagged': floating-point values come back as `Float64`, so that serializing them again gives the same octets. Default 'number'. */
  readonly floats?: 'number' | 'tagged';
}

/**
 * The canonical octets of a value (STT §9).
 *
 * @throws STTSerializationError `ERR_STT_SERIALIZE_UNSUPPORTED` (what has no form, a lone surrogate, a cycle),
 * `ERR_STT_SERIALIZE_RANGE` (an integer over 64 bits), `ERR_STT_SERIALIZE_DEPTH` (over 64 levels)
 */
export function serializeStt(value: SttValue): Uint8Array<ArrayBuffer> {
  const writer = new SttWriter();
  writer.value(value);
  return writer.octets();
}

/**
 * The value that the octets are. It shares no memory with them. Integers outside the safe range are bigints,
 * dictionaries plain objects on which every key, `__proto__` too, is an own property.
 *
 * @throws STTSerializationError `ERR_STT_DESERIALIZE_TRUNCATED`, `_TRAILING`, `_TYPE`, `_DUPLICATE_KEY`, `_UTF8` or
 * `_DEPTH`, and nothing else, whatever the octets
 */
export function deserializeStt(bytes: Uint8Array, options: DeserializeOptions = {}): SttValue {
  return new SttReader(bytes, options.floats === 'tagged').whole();
}
