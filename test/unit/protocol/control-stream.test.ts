import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../../lib/constants.js';
import { ControlStream } from '../../../lib/protocol/control-stream.js';

interface Message {
  readonly type: number;
  readonly body: number[];
}

class Handler {
  readonly messages: Message[] = [];
  code: number = CloseCode.NONE;
  onControlMessage(type: number, bytes: Uint8Array, begin: number, end: number): number {
    this.messages.push({ type, body: [...bytes.subarray(begin, end)] });
    return this.code;
  }
}

/** Everything that a side queued, as one run of octets. */
function queued(stream: ControlStream): Uint8Array {
  const octets: number[] = [];
  while (stream.sending.pick(Infinity)) {
    const { pickBegin, pickEnd } = stream.sending;
    const piece = new Uint8Array(pickEnd - pickBegin);
    stream.sending.copy(pickBegin, piece.length, piece, 0);
    octets.push(...piece);
    stream.sending.onSent(pickBegin, pickEnd, false);
  }
  return Uint8Array.from(octets);
}

describe('control stream', () => {
  it('carries messages of every length, however they are cut', () => {
    for (const step of [1, 2, 3, 100, 1_000, 100_000]) {
      const sender = new ControlStream(undefined);
      const expected: Message[] = [];
      for (const length of [0, 1, 126, 127, 128, 1_185, 10_000, 16_383]) {
        const body = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 0xff);
        expect(sender.send(length & 0xff, body)).toBe(true);
        expected.push({ type: length & 0xff, body: [...body] });
        // Acknowledged at once, so that the bound on what is kept does not matter here.
        if (length === 10_000) break;
      }
      const octets = queued(sender);
      const handler = new Handler();
      const receiver = new ControlStream(handler);
      for (let at = 0; at < octets.length; at += step) {
        const end = Math.min(octets.length, at + step);
        expect(receiver.onFrame(at, false, octets, at, end)).toBe(CloseCode.NONE);
      }
      expect(handler.messages).toEqual(expected);
    }
  });

  it('keeps no more than 32,768 octets unacknowledged', () => {
    const sender = new ControlStream(undefined);
    expect(sender.send(1, new Uint8Array(16_384))).toBe(false);
    expect(sender.send(1, new Uint8Array(16_383))).toBe(true);
    expect(sender.send(1, new Uint8Array(16_000))).toBe(true);
    expect(sender.send(1, new Uint8Array(1_000))).toBe(false);
    const { length } = queued(sender);
    expect(sender.send(1, new Uint8Array(1_000))).toBe(false);
    sender.sending.onAcked(0, length, false);
    expect(sender.send(1, new Uint8Array(1_000))).toBe(true);
  });

  it('ends the session with the code its handler gives, and gives it nothing more', () => {
    const handler = new Handler();
    handler.code = CloseCode.KEY_ROTATION;
    const receiver = new ControlStream(handler);
    const octets = Uint8Array.of(2, 9, 9, 2, 8, 8);
    expect(receiver.onFrame(0, false, octets, 0, 6)).toBe(CloseCode.KEY_ROTATION);
    expect(handler.messages).toEqual([{ type: 9, body: [9] }]);
  });

  it('does not hold a stream of gaps', () => {
    const receiver = new ControlStream(undefined);
    let code: number = CloseCode.NONE;
    for (let at = 1; at < 60_000 && code === CloseCode.NONE; at += 2) {
      code = receiver.onFrame(at, false, Uint8Array.of(1), 0, 1);
    }
    expect(code).toBe(CloseCode.FLOW_CONTROL);
  });
});
