import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import * as frames from '../../../lib/wire/packet-frames.js';
import { FrameRecorder, type SeenFrame } from '../../support/frame-recorder.js';

const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
const streamId = fc.oneof(fc.nat(20), fc.nat(0xffffffff));
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const body = fc.uint8Array({ maxLength: 40 }).map(hex);
const token = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(hex);

/** Ranges from their lengths and the gaps between them, up from a lowest number. */
const ack = fc
  .tuple(
    number,
    fc.nat(1000),
    fc.array(fc.tuple(fc.nat(300), fc.nat(2 ** 30)), { minLength: 1, maxLength: 64 }),
    fc.boolean(),
    fc.tuple(number, number, number),
  )
  .map(([delay, lowest, steps, ecn, counts]): SeenFrame => {
    const pairs: number[][] = [];
    let next = lowest;
    for (const [length, gap] of steps) {
      pairs.unshift([next, next + length]);
      next += length + gap + 2;
    }
    return ['ACK', pairs[0]![1]!, delay, pairs, ecn, ...(ecn ? counts : ([0, 0, 0] as const))];
  });

const anyFrame: fc.Arbitrary<SeenFrame> = fc.oneof(
  ack,
  fc.tuple(fc.constant('PADDING'), fc.integer({ min: 1, max: 20 })),
  fc.tuple(fc.constant('DATA'), number, body),
  fc.tuple(streamId, number, fc.boolean(), body).map(([id, offset, fin, octets]): SeenFrame => {
    const length = octets.length / 2;
    return ['STREAM', id, Math.min(offset, Number.MAX_SAFE_INTEGER - length), fin || length === 0, octets];
  }),
  fc.tuple(fc.constant('USER'), fc.integer({ min: 0x80, max: 0xff }), body),
  fc.tuple(fc.constantFrom('PING', 'PONG', 'PATH_CHALLENGE', 'PATH_RESPONSE'), token),
  fc.tuple(fc.constant('FLOW_CREDIT'), streamId, number),
  fc.tuple(fc.constant('SESSION_CLOSE'), number, body),
  fc.tuple(fc.constant('STREAM_LIMIT'), fc.nat(2 ** 31)),
  fc.tuple(fc.constant('STREAM_RESET'), streamId, number, number),
  fc.tuple(fc.constant('STOP_SENDING'), streamId, number),
  fc.tuple(fc.constant('RESET_TOKEN'), fc.uint8Array({ minLength: 16, maxLength: 16 }).map(hex)),
  fc.tuple(fc.constant('ACK_FREQUENCY'), number, number, number),
  fc.tuple(fc.constant('IMMEDIATE_ACK')),
  fc.tuple(fc.constant('ALT_ADDRESS'), body),
);

const n = (value: SeenFrame[number]): number => value as number;
const b = (value: SeenFrame[number]): Uint8Array => new Uint8Array(Buffer.from(value as string, 'hex'));

/** Writes a frame as the encoder of its name does. */
function encode(frame: SeenFrame, out: Uint8Array, at: number): number {
  const [name, x = 0, y = 0, z = 0, w = 0] = frame;
  switch (name) {
    case 'PADDING':
      return frames.encodePadding(n(x), out, at);
    case 'DATA':
      return frames.encodeData(n(x), b(y), out, at);
    case 'STREAM':
      return frames.encodeStream(n(x), n(y), z as boolean, b(w), out, at);
    case 'ACK': {
      const pairs = frame[3] as number[][];
      const ranges = Float64Array.from(pairs.flat());
      const ecn = frame[4] as boolean;
      return frames.encodeAck(n(y), ranges, pairs.length, ecn, n(frame[5]!), n(frame[6]!), n(frame[7]!), out, at);
    }
    case 'USER':
      return frames.encodeUser(n(x), b(y), out, at);
    case 'PING':
      return frames.encodePing(b(x), out, at);
    case 'PONG':
      return frames.encodePong(b(x), out, at);
    case 'PATH_CHALLENGE':
      return frames.encodePathChallenge(b(x), out, at);
    case 'PATH_RESPONSE':
      return frames.encodePathResponse(b(x), out, at);
    case 'FLOW_CREDIT':
      return frames.encodeFlowCredit(n(x), n(y), out, at);
    case 'SESSION_CLOSE':
      return frames.encodeSessionClose(n(x), b(y), out, at);
    case 'STREAM_LIMIT':
      return frames.encodeStreamLimit(n(x), out, at);
    case 'STREAM_RESET':
      return frames.encodeStreamReset(n(x), n(y), n(z), out, at);
    case 'STOP_SENDING':
      return frames.encodeStopSending(n(x), n(y), out, at);
    case 'RESET_TOKEN':
      return frames.encodeResetToken(b(x), out, at);
    case 'ACK_FREQUENCY':
      return frames.encodeAckFrequency(n(x), n(y), n(z), out, at);
    case 'IMMEDIATE_ACK':
      return frames.encodeImmediateAck(out, at);
    case 'ALT_ADDRESS':
      return frames.encodeAltAddress(b(x), out, at);
    default:
      throw new Error(`no encoder of ${name}`);
  }
}

function encodeAll(list: readonly SeenFrame[]): Uint8Array {
  const out = new Uint8Array(65_536);
  return out.subarray(
    0,
    list.reduce((at, frame) => encode(frame, out, at), 0),
  );
}

/** Runs of zeros that meet are one. */
function joined(list: readonly SeenFrame[]): SeenFrame[] {
  const result: SeenFrame[] = [];
  for (const frame of list) {
    const last = result[result.length - 1];
    if (frame[0] === 'PADDING' && last?.[0] === 'PADDING') {
      result[result.length - 1] = ['PADDING', n(last[1]!) + n(frame[1]!)];
    } else result.push(frame);
  }
  return result;
}

/** Any octets give a close code; those of an accepted packet are what the encoders write for what was read. */
function parseHostile(bytes: Uint8Array): void {
  const recorder = new FrameRecorder();
  const code = frames.parsePacketFrames(bytes, 0, bytes.length, recorder);
  expect([CloseCode.NONE, CloseCode.FRAME_ENCODING, CloseCode.PROTOCOL]).toContain(code);
  if (code === CloseCode.NONE) expect(hex(encodeAll(recorder.seen))).toBe(hex(bytes));
}

describe('frames of a packet', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 8 }), (list) => {
        const bytes = encodeAll(list);
        const recorder = new FrameRecorder();
        expect(frames.parsePacketFrames(bytes, 0, bytes.length, recorder)).toBe(CloseCode.NONE);
        expect(recorder.seen).toEqual(joined(list));
      }),
      { numRuns: 300 },
    );
  });

  it('are parsed or refused whatever the octets, and have one form only', () => {
    const octet = fc.oneof(fc.nat(255), fc.nat(16), fc.constantFrom(0x7f, 0x80, 0xff));
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 60 }), (octets) => parseHostile(Uint8Array.from(octets))),
      { numRuns: 3000 },
    );
  });

  it('are parsed or refused when an octet was changed or the rest cut off', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(255),
        fc.nat(),
        (list, at, octet, cut) => {
          const bytes = encodeAll(list).slice();
          parseHostile(bytes.subarray(0, cut % bytes.length));
          bytes[at % bytes.length] = octet;
          parseHostile(bytes);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
