import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import {
  encodeAck,
  encodeAckFrequency,
  encodeAltAddress,
  encodeData,
  encodeFlowCredit,
  encodeImmediateAck,
  encodePadding,
  encodePathChallenge,
  encodePathResponse,
  encodePing,
  encodePong,
  encodeResetToken,
  encodeSessionClose,
  encodeStopSending,
  encodeStream,
  encodeStreamLimit,
  encodeStreamReset,
  encodeUser,
  MAX_ACK_RANGES,
  maxAckOctets,
  parsePacketFrames,
} from '../../../lib/wire/packet-frames.js';
import { encodeVarint } from '../../../lib/wire/varint.js';
import { FrameRecorder, type SeenFrame } from '../../support/frame-recorder.js';

const { FRAME_ENCODING, NONE, PROTOCOL } = CloseCode;
const MAX = Number.MAX_SAFE_INTEGER;
const octets = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const TOKEN = octets('0102030405060708');

function parse(bytes: Uint8Array, begin = 0, end = bytes.length): { code: number; seen: SeenFrame[] } {
  const recorder = new FrameRecorder();
  return { code: parsePacketFrames(bytes, begin, end, recorder), seen: recorder.seen };
}
const codeOf = (hex: string): number => parse(octets(hex)).code;

/** Octets of a frame that an encoder writes; it must not write beyond the position it gives. */
function written(encode: (out: Uint8Array, at: number) => number): Uint8Array {
  const out = new Uint8Array(4096).fill(0xee);
  const end = encode(out, 3);
  expect(out.subarray(0, 3)).toEqual(octets('eeeeee'));
  expect(out.subarray(end, end + 8)).toEqual(octets('eeeeeeeeeeeeeeee'));
  return out.slice(3, end);
}

interface Case {
  readonly name: string;
  readonly encode: (out: Uint8Array, at: number) => number;
  readonly hex: string;
  readonly seen: SeenFrame;
  /** Cut off at one of these lengths it is a whole frame all the same. */
  readonly whole?: number[];
}

const CASES: readonly Case[] = [
  {
    name: 'PADDING',
    encode: (out, at) => encodePadding(3, out, at),
    hex: '000000',
    seen: ['PADDING', 3],
    whole: [1, 2],
  },
  {
    name: 'DATA',
    encode: (out, at) => encodeData(300, octets('aabb'), out, at),
    hex: '01 ac02 02 aabb',
    seen: ['DATA', 300, 'aabb'],
  },
  {
    name: 'an empty DATA',
    encode: (out, at) => encodeData(MAX, octets(''), out, at),
    hex: '01 ffffffffffffff0f 00',
    seen: ['DATA', MAX, ''],
  },
  {
    name: 'STREAM',
    encode: (out, at) => encodeStream(0x80000001, 0x1_0000_0002, false, octets('cc'), out, at),
    hex: '03 00 80000001 0000000100000002 0001 cc',
    seen: ['STREAM', 0x80000001, 0x1_0000_0002, false, 'cc'],
  },
  {
    name: 'STREAM that ends where streams must end',
    encode: (out, at) => encodeStream(2, MAX - 2, true, octets('ccdd'), out, at),
    hex: '03 04 00000002 001ffffffffffffd 0002 ccdd',
    seen: ['STREAM', 2, MAX - 2, true, 'ccdd'],
  },
  {
    name: 'STREAM of nothing but its end',
    encode: (out, at) => encodeStream(2, 0, true, octets(''), out, at),
    hex: '03 04 00000002 0000000000000000 0000',
    seen: ['STREAM', 2, 0, true, ''],
  },
  {
    name: 'ACK of one range',
    encode: (out, at) => encodeAck(25_000, Float64Array.of(0, 9), 1, false, 0, 0, 0, out, at),
    hex: '06 00 09 a8c301 00 09',
    seen: ['ACK', 9, 25_000, [[0, 9]], false, 0, 0, 0],
  },
  {
    name: 'ACK of three ranges with ECN counts',
    encode: (out, at) => encodeAck(0, Float64Array.of(90, 100, 50, 50, 0, 48), 3, true, 7, 8, 300, out, at),
    hex: '06 01 64 00 02 0a 26 00 00 30 07 08 ac02',
    seen: [
      'ACK',
      100,
      0,
      [
        [90, 100],
        [50, 50],
        [0, 48],
      ],
      true,
      7,
      8,
      300,
    ],
  },
  {
    name: 'a user-defined frame',
    encode: (out, at) => encodeUser(0xff, octets('010203'), out, at),
    hex: 'ff 03 010203',
    seen: ['USER', 0xff, '010203'],
  },
  {
    name: 'PING',
    encode: (out, at) => encodePing(TOKEN, out, at),
    hex: '02 01 0102030405060708',
    seen: ['PING', '0102030405060708'],
  },
  {
    name: 'PONG',
    encode: (out, at) => encodePong(TOKEN, out, at),
    hex: '02 02 0102030405060708',
    seen: ['PONG', '0102030405060708'],
  },
  {
    name: 'FLOW_CREDIT',
    encode: (out, at) => encodeFlowCredit(0xffffffff, MAX, out, at),
    hex: '02 03 ffffffff0f ffffffffffffff0f',
    seen: ['FLOW_CREDIT', 0xffffffff, MAX],
  },
  {
    name: 'SESSION_CLOSE',
    encode: (out, at) => encodeSessionClose(300, octets('6f6b'), out, at),
    hex: '02 05 ac02 02 6f6b',
    seen: ['SESSION_CLOSE', 300, '6f6b'],
  },
  {
    name: 'STREAM_LIMIT',
    encode: (out, at) => encodeStreamLimit(2 ** 31, out, at),
    hex: '02 07 8080808008',
    seen: ['STREAM_LIMIT', 2 ** 31],
  },
  {
    name: 'STREAM_RESET',
    encode: (out, at) => encodeStreamReset(5, MAX, 1000, out, at),
    hex: '02 08 05 ffffffffffffff0f e807',
    seen: ['STREAM_RESET', 5, MAX, 1000],
  },
  {
    name: 'STOP_SENDING',
    encode: (out, at) => encodeStopSending(6, 0, out, at),
    hex: '02 09 06 00',
    seen: ['STOP_SENDING', 6, 0],
  },
  {
    name: 'PATH_CHALLENGE',
    encode: (out, at) => encodePathChallenge(TOKEN, out, at),
    hex: '02 0a 0102030405060708',
    seen: ['PATH_CHALLENGE', '0102030405060708'],
  },
  {
    name: 'PATH_RESPONSE',
    encode: (out, at) => encodePathResponse(TOKEN, out, at),
    hex: '02 0b 0102030405060708',
    seen: ['PATH_RESPONSE', '0102030405060708'],
  },
  {
    name: 'RESET_TOKEN',
    encode: (out, at) => encodeResetToken(octets('0102030405060708090a0b0c0d0e0f10'), out, at),
    hex: '02 0c 0102030405060708090a0b0c0d0e0f10',
    seen: ['RESET_TOKEN', '0102030405060708090a0b0c0d0e0f10'],
  },
  {
    name: 'ACK_FREQUENCY',
    encode: (out, at) => encodeAckFrequency(1, 10, 25_000, out, at),
    hex: '02 0d 01 0a a8c301',
    seen: ['ACK_FREQUENCY', 1, 10, 25_000],
  },
  { name: 'IMMEDIATE_ACK', encode: encodeImmediateAck, hex: '02 0e', seen: ['IMMEDIATE_ACK'] },
  {
    name: 'ALT_ADDRESS',
    encode: (out, at) => encodeAltAddress(octets('4100000000'), out, at),
    hex: '02 0f 05 4100000000',
    seen: ['ALT_ADDRESS', '4100000000'],
  },
];

describe('frames of a packet', () => {
  it.each(CASES)('$name: written and read as it should be', ({ encode, hex, seen }) => {
    expect(Buffer.from(written(encode)).toString('hex')).toBe(hex.replaceAll(' ', ''));
    expect(parse(octets(hex))).toEqual({ code: NONE, seen: [seen] });
  });

  it.each(CASES)('$name: malformed when cut off after any octet', ({ hex, whole = [] }) => {
    const bytes = octets(hex);
    for (let length = 1; length < bytes.length; length++) {
      if (whole.includes(length)) continue;
      // What follows the end of the packet in the same memory must not be taken for a part of it.
      expect(parse(bytes, 0, length)).toEqual({ code: FRAME_ENCODING, seen: [] });
    }
  });

  it('are read in any order, from the middle of memory', () => {
    const bytes = octets(`ffff ${CASES.map(({ hex }) => hex).join('')} ffff`);
    expect(parse(bytes, 2, bytes.length - 2)).toEqual({ code: NONE, seen: CASES.map(({ seen }) => seen) });
  });

  it('are not read on after the visitor gave a code', () => {
    const recorder = new FrameRecorder(-1);
    expect(parsePacketFrames(octets('020e 020e'), 0, 4, recorder)).toBe(-1);
    expect(recorder.seen).toEqual([['IMMEDIATE_ACK']]);
  });

  it('break the protocol if there are none, or one of an unknown or reserved type', () => {
    expect(codeOf('')).toBe(PROTOCOL);
    for (const type of ['04', '05', '07', '08', '7f']) expect(codeOf(`${type} 00`)).toBe(PROTOCOL);
    for (const type of ['00', '04', '06', '10', 'ff']) expect(codeOf(`02 ${type} 00`)).toBe(PROTOCOL);
  });

  it('are given up to a bad one, which ends the packet', () => {
    expect(parse(octets('020e 0100ff'))).toEqual({ code: FRAME_ENCODING, seen: [['IMMEDIATE_ACK']] });
  });
});

describe('a STREAM frame is malformed', () => {
  it('with flags other than STREAM_END', () => {
    for (const flags of ['01', '02', '08', '06', '84']) {
      expect(codeOf(`03 ${flags} 00000001 0000000000000000 0001 aa`)).toBe(FRAME_ENCODING);
    }
  });

  it('with nothing in it, not even the end of the stream', () => {
    expect(codeOf('03 00 00000001 0000000000000000 0000')).toBe(FRAME_ENCODING);
  });

  it('if it reaches beyond 2^53-1', () => {
    expect(codeOf('03 00 00000001 001ffffffffffffe 0001 aa')).toBe(NONE);
    expect(codeOf('03 00 00000001 001fffffffffffff 0001 aa')).toBe(FRAME_ENCODING);
    expect(codeOf('03 04 00000001 0020000000000000 0000')).toBe(FRAME_ENCODING);
    expect(codeOf('03 00 00000001 ffffffffffffffff 0001 aa')).toBe(FRAME_ENCODING);
  });
});

describe('an ACK is malformed', () => {
  it('with flags other than ECN', () => {
    for (const flags of ['02', '03', '80']) expect(codeOf(`06 ${flags} 09 00 00 09 000000`)).toBe(FRAME_ENCODING);
  });

  it('if a range reaches below zero', () => {
    expect(codeOf('06 00 09 00 00 0a')).toBe(FRAME_ENCODING);
    // The second range: a gap from 5 leads to 3, of which 4 more are too many; then a gap that is too large itself.
    expect(codeOf('06 00 09 00 01 04 00 03')).toBe(NONE);
    expect(codeOf('06 00 09 00 01 04 00 04')).toBe(FRAME_ENCODING);
    expect(codeOf('06 00 09 00 01 04 04 00')).toBe(FRAME_ENCODING);
    expect(codeOf('06 00 09 00 01 04 ffffffffffffff0f 00')).toBe(FRAME_ENCODING);
    expect(codeOf('06 00 ffffffffffffff0f 00 00 ffffffffffffff0f')).toBe(NONE);
  });

  it('with more than 256 ranges', () => {
    const ack = (ranges: number): Uint8Array => {
      const bytes = new Uint8Array(8 + 2 * ranges);
      bytes.set(octets('06 00'));
      const at = encodeVarint(ranges - 1, bytes, encodeVarint(0, bytes, encodeVarint(600, bytes, 2)));
      return bytes.subarray(0, at + 1 + 2 * (ranges - 1));
    };
    expect(parse(ack(MAX_ACK_RANGES)).code).toBe(NONE);
    expect(parse(ack(MAX_ACK_RANGES)).seen[0]![3]).toHaveLength(MAX_ACK_RANGES);
    expect(parse(ack(MAX_ACK_RANGES + 1))).toEqual({ code: FRAME_ENCODING, seen: [] });
    expect(codeOf('06 00 09 00 ffffffffffffff0f 00')).toBe(FRAME_ENCODING);
  });

  it('never for its delay, however absurd', () => {
    expect(parse(octets('06 00 09 ffffffffffffff0f 00 00')).seen[0]![2]).toBe(MAX);
  });
});

it('an ACK never takes more room than it says', () => {
  const ranges = new Float64Array(2 * 64);
  for (let i = 0; i < 64; i++) {
    ranges[2 * i + 1] = MAX - i * 2 ** 47;
    ranges[2 * i] = ranges[2 * i + 1]! - 2 ** 46;
  }
  const out = new Uint8Array(2048);
  for (const ecn of [false, true]) {
    expect(encodeAck(MAX, ranges, 64, ecn, MAX, MAX, MAX, out, 0)).toBeLessThanOrEqual(maxAckOctets(64, ecn));
  }
});

describe('a CONTROL or other frame is malformed', () => {
  it('if a number in it is not minimal, or above 2^53-1', () => {
    for (const bad of ['8000', '8080808080808010', 'ffffffffffffffffff01']) {
      for (const frame of [
        '01 X 00',
        '01 00 X',
        '80 X',
        '0203 X 00',
        '0203 00 X',
        '0207 X',
        '0209 01 X',
        '020d 0000 X',
      ]) {
        expect(codeOf(frame.replace('X', bad))).toBe(FRAME_ENCODING);
      }
    }
  });

  it('if a length is more than is there', () => {
    for (const frame of ['01 00 02 aa', '80 02 aa', '0205 00 02 aa', '020f 02 aa', '80 ffffffffffffff0f aa']) {
      expect(codeOf(frame)).toBe(FRAME_ENCODING);
    }
  });

  it('if a stream id has more than 32 bits, or a count more streams than there are ids', () => {
    for (const frame of ['0203 8080808010 00', '0208 8080808010 00 00', '0209 8080808010 00', '0207 8180808008']) {
      expect(codeOf(frame)).toBe(FRAME_ENCODING);
    }
  });

  it('if its reason has more than 256 octets', () => {
    expect(codeOf(`0205 00 8002 ${'61'.repeat(256)}`)).toBe(NONE);
    expect(codeOf(`0205 00 8102 ${'61'.repeat(257)}`)).toBe(FRAME_ENCODING);
  });
});
