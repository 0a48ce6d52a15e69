import { describe, expect, it } from 'vitest';
import { FrameFlag, FrameType, MAX_FRAME_OCTETS } from '../../../lib/constants.js';
import { sttError, type STTError, STTFrameError } from '../../../lib/errors.js';
import { serializeStt, type SttDict } from '../../../lib/wire/serialization.js';
import { type FrameOpener, type FrameSealer, STTFrame, type STTFrameOptions } from '../../../lib/wire/stt-frame.js';

const SESSION_ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const OPTIONS: STTFrameOptions = {
  frameType: FrameType.DATA,
  sessionId: SESSION_ID,
  streamId: 7,
  sequence: 2n ** 64n - 1n,
  flags: FrameFlag.STREAM_INIT | FrameFlag.PRIORITY_HIGH,
  payload: Uint8Array.of(0xaa, 0xbb),
  timestamp: 1_700_000_000_000n,
};

/** No cipher: shows what is bound to what. */
const stc: FrameSealer & FrameOpener = {
  encryptFrame: (payload, ad) => ({ ciphertext: payload.map((octet) => octet ^ 0xff), metadata: serializeStt(ad) }),
  decryptFrame: (ciphertext, metadata, ad) => {
    if (Buffer.compare(metadata, serializeStt(ad)) !== 0) throw sttError('ERR_STT_AUTHENTICATION');
    return ciphertext.map((octet) => octet ^ 0xff);
  },
};

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as STTError).code;
  }
  return 'none';
}

function frameCode(bytes: Uint8Array): string {
  const code = codeOf(() => STTFrame.fromBytes(bytes));
  if (code !== 'none') expect(() => STTFrame.fromBytes(bytes)).toThrow(STTFrameError);
  return code;
}

describe('STTFrame', () => {
  it('keeps every field through its octets, sequence and timestamp up to 2^64-1', () => {
    const frame = STTFrame.fromBytes(new STTFrame({ ...OPTIONS, timestamp: 2n ** 64n - 1n }).toBytes());
    expect({ ...frame }).toEqual({
      frameType: 1,
      flags: 0x12,
      sessionId: SESSION_ID,
      sequence: 2n ** 64n - 1n,
      timestamp: 2n ** 64n - 1n,
      streamId: 7,
    });
    expect(frame.payload).toEqual(Uint8Array.of(0xaa, 0xbb));
    expect(frame.isEncrypted).toBe(false);
  });

  it('keeps unknown types and flags', () => {
    for (let octet = 0; octet < 256; octet++) {
      const frame = STTFrame.fromBytes(new STTFrame({ ...OPTIONS, frameType: octet, flags: octet }).toBytes());
      expect([frame.frameType, frame.flags]).toEqual([octet, octet]);
    }
  });

  it('is stamped with the time of its making unless a timestamp is given', () => {
    const { frameType, sessionId, streamId } = OPTIONS;
    const before = Date.now();
    const { timestamp, flags, payload, sequence } = new STTFrame({ frameType, sessionId, streamId, sequence: 5 });
    expect(timestamp).toBeGreaterThanOrEqual(BigInt(before));
    expect(timestamp).toBeLessThanOrEqual(BigInt(Date.now()));
    expect([flags, payload.length, sequence]).toEqual([0, 0, 5n]);
  });

  it('refuses fields out of range', () => {
    const bad: Record<string, unknown>[] = [
      { frameType: 256 },
      { frameType: undefined },
      { flags: -1 },
      { streamId: 2 ** 32 },
      { streamId: 1.5 },
      { sequence: 2n ** 64n },
      { sequence: -1 },
      { sequence: 2 ** 53 },
      { sequence: undefined },
      { timestamp: Number.NaN },
      { sessionId: new Uint8Array(7) },
      { sessionId: 'abcdefgh' },
      { payload: 'text' },
      { cryptoMetadata: [1] },
    ];
    for (const change of bad) {
      const options = { ...OPTIONS, ...change } as STTFrameOptions;
      expect(codeOf(() => new STTFrame(options))).toBe('ERR_STT_OPTION_RANGE');
    }
  });

  it('seals its payload under all other fields and opens it again', () => {
    const frame = new STTFrame(OPTIONS);
    frame.encryptPayload(stc);
    expect(frame.isEncrypted).toBe(true);
    expect(frame.payload).toEqual(Uint8Array.of(0x55, 0x44));
    const bytes = frame.toBytes();
    expect(STTFrame.fromBytes(bytes).isEncrypted).toBe(true);
    const opened = STTFrame.fromBytes(bytes, { decrypt: true, stc });
    expect([opened.payload, opened.isEncrypted]).toEqual([Uint8Array.of(0xaa, 0xbb), false]);
    // Type, flags, session id, sequence, timestamp and stream id: after magic and a length of two octets.
    for (let at = 4; at < 4 + 30; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1;
      expect(codeOf(() => STTFrame.fromBytes(changed, { decrypt: true, stc }))).toBe('ERR_STT_AUTHENTICATION');
    }
  });

  it('names the associated data as the Python implementation does', () => {
    let seen: SttDict = {};
    new STTFrame(OPTIONS).encryptPayload({
      encryptFrame(payload, ad) {
        seen = ad;
        return { ciphertext: payload, metadata: Uint8Array.of(1) };
      },
    });
    expect(Object.keys(seen).sort()).toEqual([
      'flags',
      'frame_type',
      'sequence',
      'session_id',
      'stream_id',
      'timestamp',
    ]);
  });

  it('does not pass an unencrypted frame where an encrypted one is asked for', () => {
    const bytes = new STTFrame(OPTIONS).toBytes();
    expect(codeOf(() => STTFrame.fromBytes(bytes, { decrypt: true, stc }))).toBe('ERR_STT_AUTHENTICATION');
    expect(codeOf(() => new STTFrame(OPTIONS).decryptPayload(stc))).toBe('ERR_STT_AUTHENTICATION');
    expect(codeOf(() => STTFrame.fromBytes(bytes, { decrypt: true }))).toBe('ERR_STT_OPTION_RANGE');
  });

  it('is not encrypted twice, and stays sealed if opening fails', () => {
    const frame = new STTFrame(OPTIONS);
    frame.encryptPayload(stc);
    expect(codeOf(() => frame.encryptPayload(stc))).toBe('ERR_STT_FRAME_ENCRYPTED');
    const failing: FrameOpener = {
      decryptFrame: () => {
        throw sttError('ERR_STT_AUTHENTICATION');
      },
    };
    expect(codeOf(() => frame.decryptPayload(failing))).toBe('ERR_STT_AUTHENTICATION');
    expect(frame.isEncrypted).toBe(true);
    expect(frame.decryptPayload(stc)).toEqual(Uint8Array.of(0xaa, 0xbb));
  });

  it('holds 2 MiB after its length and not an octet more', () => {
    const payload = new Uint8Array(MAX_FRAME_OCTETS - 31);
    const bytes = new STTFrame({ ...OPTIONS, payload }).toBytes();
    expect(STTFrame.fromBytes(bytes).payload.length).toBe(payload.length);
    const larger = new STTFrame({ ...OPTIONS, payload: new Uint8Array(payload.length + 1) });
    expect(codeOf(() => larger.toBytes())).toBe('ERR_STT_FRAME_TOO_LARGE');
  });

  it('refuses a length over the limit on sight of it', () => {
    expect(codeOf(() => STTFrame.parse(Uint8Array.of(0x53, 0x54, 0x81, 0x80, 0x80, 0x01)))).toBe(
      'ERR_STT_FRAME_TOO_LARGE',
    );
    const all = Uint8Array.of(0x53, 0x54, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f);
    expect(codeOf(() => STTFrame.parse(all))).toBe('ERR_STT_FRAME_TOO_LARGE');
  });

  it('refuses octets cut off anywhere, octets behind it, another magic, and lengths that lie', () => {
    const frame = new STTFrame({ ...OPTIONS, cryptoMetadata: new Uint8Array(200) });
    const bytes = frame.toBytes();
    for (let length = 0; length < bytes.length; length++) {
      expect(frameCode(bytes.subarray(0, length))).toBe('ERR_STT_FRAME_MALFORMED');
    }
    expect(frameCode(Uint8Array.of(...bytes, 0))).toBe('ERR_STT_FRAME_MALFORMED');
    expect(frameCode(Uint8Array.of(0x53, 0x53, ...bytes.subarray(2)))).toBe('ERR_STT_FRAME_MALFORMED');
    expect(frameCode(Uint8Array.of(0x54, ...bytes.subarray(1)))).toBe('ERR_STT_FRAME_MALFORMED');
    // Shorter than the header; not minimal; never ending.
    expect(frameCode(Uint8Array.of(0x53, 0x54, 30, ...new Uint8Array(30)))).toBe('ERR_STT_FRAME_MALFORMED');
    expect(frameCode(Uint8Array.of(0x53, 0x54, 0x9f, 0x00, ...new Uint8Array(31)))).toBe('ERR_STT_FRAME_MALFORMED');
    expect(frameCode(Uint8Array.of(0x53, 0x54, ...new Uint8Array(20).fill(0xff)))).toBe('ERR_STT_FRAME_MALFORMED');
  });

  it('refuses metadata longer than the frame, and a metadata length that is cut off', () => {
    const bytes = new STTFrame({ ...OPTIONS, payload: new Uint8Array(0) }).toBytes();
    for (const last of [1, 0x7f, 0x80, 0xff]) {
      const changed = bytes.slice();
      changed[changed.length - 1] = last;
      expect(frameCode(changed)).toBe('ERR_STT_FRAME_MALFORMED');
    }
  });

  it('takes frames one by one out of a stream that comes octet by octet', () => {
    const first = new STTFrame(OPTIONS).toBytes();
    const second = new STTFrame({ ...OPTIONS, streamId: 8, payload: new Uint8Array(300) }).toBytes();
    const stream = Uint8Array.of(...first, ...second);
    let begin = 0;
    const seen: number[] = [];
    for (let end = 0; end <= stream.length; end++) {
      const parsed = STTFrame.parse(stream.subarray(begin, end));
      if (parsed === undefined) continue;
      begin += parsed.bytesRead;
      seen.push(parsed.frame.streamId, parsed.bytesRead);
    }
    expect(seen).toEqual([7, first.length, 8, second.length]);
  });

  it('shares no memory with the octets it was read from', () => {
    const bytes = Buffer.from(new STTFrame({ ...OPTIONS, cryptoMetadata: Uint8Array.of(9) }).toBytes());
    const frame = STTFrame.fromBytes(bytes);
    bytes.fill(0);
    expect([frame.sessionId, frame.payload, frame.cryptoMetadata]).toEqual([
      SESSION_ID,
      Uint8Array.of(0xaa, 0xbb),
      Uint8Array.of(9),
    ]);
  });
});
