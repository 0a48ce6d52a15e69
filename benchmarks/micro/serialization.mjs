// The serialization of STT (§9), beside JSON of the same value.
import { deserializeStt, serializeStt } from '../../dist/index.js';

const VALUES = {
  'small map': { id: 7, name: 'peer', ok: true },
  'nested, 100 entries': Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`entry ${i}`, { at: i * 1000, tags: ['a', 'b'], note: null }]),
  ),
  'text of 10,000 characters': { text: 'x'.repeat(10_000) },
};

export const title = 'one value to octets and back; JSON to a string and back';
export const cases = Object.entries(VALUES).flatMap(([name, value]) => {
  const octets = serializeStt(value);
  const json = JSON.stringify(value);
  return [
    { name: `serialize: ${name}`, variants: { stt: () => serializeStt(value), json: () => JSON.stringify(value) } },
    { name: `deserialize: ${name}`, variants: { stt: () => deserializeStt(octets), json: () => JSON.parse(json) } },
  ];
});
