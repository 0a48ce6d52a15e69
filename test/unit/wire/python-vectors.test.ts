import { expect, it } from 'vitest';
import { deserializeStt, Float64, serializeStt, type SttValue } from '../../../lib/wire/serialization.js';
import { STTFrame } from '../../../lib/wire/stt-frame.js';
import { decodeBigVarint, decodeVarint, encodeBigVarint, encodeVarint, varintEnd } from '../../../lib/wire/varint.js';
import { describeVectors } from '../../support/vectors.js';

type Notation =
  | { t: 'null' }
  | { t: 'bool'; v: boolean }
  | { t: 'int' | 'float' | 'str' | 'bytes'; v: string }
  | { t: 'list'; v: Notation[] }
  | { t: 'dict'; v: [string, Notation][] };

interface Vectors {
  serialization: { value: Notation; hex: string }[];
  frames: {
    frame_type: number;
    flags: number;
    session_id: string;
    sequence: string;
    timestamp: string;
    stream_id: number;
    crypto_metadata: string | null;
    payload: string;
    hex: string;
  }[];
  varint: { value: string; hex: string }[];
}

const octets = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function valueOf(notation: Notation): SttValue {
  switch (notation.t) {
    case 'null':
      return null;
    case 'bool':
      return notation.v;
    case 'int': {
      const value = BigInt(notation.v);
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    }
    case 'float':
      return new Float64(Number(notation.v.replace('inf', 'Infinity').replace('nan', 'NaN')));
    case 'str':
      return notation.v;
    case 'bytes':
      return octets(notation.v);
    case 'list':
      return notation.v.map(valueOf);
    case 'dict':
      return Object.fromEntries(notation.v.map(([key, value]) => [key, valueOf(value)]));
  }
}

describeVectors<Vectors>('octets of the Python implementation', 'stt_python_0_2_0a0.json', (data) => {
  it.each(data.serialization.map((row, index) => ({ index, ...row })))(
    'serialization $index: both directions are exact',
    ({ value, hex }) => {
      const expected = valueOf(value);
      expect(hexOf(serializeStt(expected))).toBe(hex);
      const read = deserializeStt(octets(hex), { floats: 'tagged' });
      expect(read).toStrictEqual(expected);
      expect(hexOf(serializeStt(read))).toBe(hex);
    },
  );

  it.each(data.frames.map((row, index) => ({ index, ...row })))('frame $index: both directions are exact', (row) => {
    const frame = new STTFrame({
      frameType: row.frame_type,
      flags: row.flags,
      sessionId: octets(row.session_id),
      sequence: BigInt(row.sequence),
      timestamp: BigInt(row.timestamp),
      streamId: row.stream_id,
      cryptoMetadata: octets(row.crypto_metadata ?? ''),
      payload: octets(row.payload),
    });
    expect(hexOf(frame.toBytes())).toBe(row.hex);
    const read = STTFrame.fromBytes(octets(row.hex));
    expect({ ...read, payload: hexOf(read.payload), cryptoMetadata: hexOf(read.cryptoMetadata) }).toStrictEqual({
      frameType: row.frame_type,
      flags: row.flags,
      sessionId: octets(row.session_id),
      sequence: BigInt(row.sequence),
      timestamp: BigInt(row.timestamp),
      streamId: row.stream_id,
      payload: row.payload,
      cryptoMetadata: row.crypto_metadata ?? '',
    });
    expect(hexOf(read.toBytes())).toBe(row.hex);
  });

  it.each(data.varint)('varint $value: both directions are exact', ({ value, hex }) => {
    const bytes = octets(hex);
    expect(hexOf(encodeBigVarint(BigInt(value)))).toBe(hex);
    expect(decodeBigVarint(bytes, 0, bytes.length)).toBe(BigInt(value));
    expect(varintEnd).toBe(bytes.length);
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      expect(decodeVarint(bytes, 0, bytes.length)).toBe(-1);
      return;
    }
    const out = new Uint8Array(10);
    expect(hexOf(out.subarray(0, encodeVarint(number, out, 0)))).toBe(hex);
    expect(decodeVarint(bytes, 0, bytes.length)).toBe(number);
    expect(varintEnd).toBe(bytes.length);
  });
});
