import type { SttValue } from '../wire/serialization.js';

/** What a hash, key or sealed frame is bound to: a dictionary of what `serializeStt` takes (STT §9). */
export type StcContext = Readonly<Record<string, SttValue>>;
