import { describe, expect, it } from 'vitest';
import { FrameType, HandshakeType, MAX_DATAGRAM, MIN_DATAGRAM } from '../../../lib/constants.js';
import type { STTError } from '../../../lib/errors.js';
import {
  assembleHello,
  assembleResponse,
  assembleSealedReply,
  DEFAULT_TRANSPORT_PARAMS,
  encodeHelloPayload,
  encodeResponsePayload,
  encodeVersionList,
  handshakeIdAt,
  handshakeParts,
  handshakePayloadAt,
  type HelloPayload,
  MAC_OCTETS,
  NOISE_OVERHEAD,
  PADDED_HELLO_PAYLOAD,
  PADDED_RESPONSE_PAYLOAD,
  parseHelloPayload,
  parseResponsePayload,
  parseVersionList,
  type ResponsePayload,
  sealedReplyParts,
  type TransportParams,
} from '../../../lib/wire/handshake-messages.js';
import { deserializeStt, Float64, serializeStt, type SttDict, type SttValue } from '../../../lib/wire/serialization.js';
import { STTFrame } from '../../../lib/wire/stt-frame.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const HELLO: HelloPayload = {
  version: 1,
  versions: [1, 2],
  timestampMicros: 1_700_000_000_000_000,
  suites: [2, 1, 77],
  params: { ...DEFAULT_TRANSPORT_PARAMS, maxStreams: 3, capabilities: ['migration', 'é'] },
};
const RESPONSE: ResponsePayload = {
  version: 1,
  suite: 2,
  sessionId: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1),
  params: DEFAULT_TRANSPORT_PARAMS,
  resetToken: new Uint8Array(16).fill(9),
};
/** As long as a Noise message around a padded payload. */
const noise = (payload: number): Uint8Array => new Uint8Array(payload + NOISE_OVERHEAD).fill(0x5a);
const dictOf = (bytes: Uint8Array): Record<string, SttValue> =>
  deserializeStt(bytes, { floats: 'tagged' }) as Record<string, SttValue>;
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as STTError).code;
  }
  return 'none';
};

describe('the payload of a HELLO', () => {
  it('comes back as it was, padded or not', () => {
    for (const size of [0, PADDED_HELLO_PAYLOAD]) {
      expect(parseHelloPayload(encodeHelloPayload(HELLO, size))).toEqual(HELLO);
    }
  });

  it('is the canonical dictionary of the protocol', () => {
    const bytes = encodeHelloPayload(HELLO, 0);
    expect(dictOf(bytes)).toEqual({
      v: 1,
      versions: [1, 2],
      ts: 1_700_000_000_000_000,
      suites: [2, 1, 77],
      params: { max_streams: 3, capabilities: ['migration', 'é'] },
      pad: new Uint8Array(0),
    });
    expect(serializeStt(dictOf(bytes))).toEqual(bytes);
  });

  it('makes a HELLO of exactly 1,200 octets, padded with zeros', () => {
    const payload = encodeHelloPayload(HELLO, PADDED_HELLO_PAYLOAD);
    expect(payload.length).toBe(PADDED_HELLO_PAYLOAD);
    expect((dictOf(payload)['pad'] as Uint8Array).every((octet) => octet === 0)).toBe(true);
    expect(assembleHello(ID, noise(payload.length)).length).toBe(MIN_DATAGRAM);
  });

  it('is refused if a field is missing, of a wrong type, or out of range', () => {
    const good = dictOf(encodeHelloPayload(HELLO, 0));
    const wrong: Record<string, SttValue[]> = {
      v: [null, 'x', -1, new Float64(1), 2n ** 60n, [1]],
      versions: [null, 1, [1, 'x'], [new Float64(1)], [-1], {}, [2n ** 63n]],
      ts: [null, -1, new Float64(5), 2n ** 63n, 2n ** 64n - 1n],
      suites: [null, 1, ['x'], {}],
      params: [null, 1, [], 'x', new Uint8Array(3), { max_streams: -1 }],
      pad: [null, 0, '', []],
    };
    for (const [name, values] of Object.entries(wrong)) {
      const { [name]: _, ...without } = good;
      expect(parseHelloPayload(serializeStt(without))).toBeUndefined();
      for (const value of values) {
        expect(parseHelloPayload(serializeStt({ ...good, [name]: value }))).toBeUndefined();
      }
    }
    expect(parseHelloPayload(serializeStt({ ...good, later: 'extension' }))).toEqual(HELLO);
  });

  it('is refused if it is no serialized dictionary at all', () => {
    const bytes = encodeHelloPayload(HELLO, 0);
    for (let length = 0; length < bytes.length; length++) {
      expect(parseHelloPayload(bytes.subarray(0, length))).toBeUndefined();
    }
    for (const value of [null, 1, [], 'x', ID, new Float64(1)]) {
      expect(parseHelloPayload(serializeStt(value))).toBeUndefined();
    }
  });

  it('is not made with params that leave no room for it', () => {
    const capabilities = Array.from({ length: 32 }, () => 'x'.repeat(32));
    const hello = { ...HELLO, params: { ...HELLO.params, capabilities } };
    expect(codeOf(() => encodeHelloPayload(hello, PADDED_HELLO_PAYLOAD))).toBe('ERR_STT_OPTION_RANGE');
    expect(parseHelloPayload(encodeHelloPayload(hello, 0))).toEqual(hello);
  });
});

describe('the payload of a HELLO_RESP', () => {
  it('comes back as it was, padded or not', () => {
    for (const size of [0, PADDED_RESPONSE_PAYLOAD]) {
      expect(parseResponsePayload(encodeResponsePayload(RESPONSE, size))).toEqual(RESPONSE);
    }
  });

  it('makes a HELLO_RESP of exactly 1,200 octets', () => {
    const payload = encodeResponsePayload(RESPONSE, PADDED_RESPONSE_PAYLOAD);
    expect(assembleResponse(ID, noise(payload.length)).length).toBe(MIN_DATAGRAM);
  });

  it('is refused if a field is missing, of a wrong type, or out of range', () => {
    const good = dictOf(encodeResponsePayload(RESPONSE, 0));
    const wrong: Record<string, SttValue[]> = {
      v: [null, 'x', new Float64(1)],
      suite: [null, -1, [1]],
      session_id: [null, new Uint8Array(7), new Uint8Array(9), 'abcdefgh'],
      params: [null, { max_udp_payload: 1199 }],
      reset_token: [null, new Uint8Array(15), new Uint8Array(0)],
      pad: [null],
    };
    for (const [name, values] of Object.entries(wrong)) {
      const { [name]: _, ...without } = good;
      expect(parseResponsePayload(serializeStt(without))).toBeUndefined();
      for (const value of values) {
        expect(parseResponsePayload(serializeStt({ ...good, [name]: value }))).toBeUndefined();
      }
    }
  });
});

describe('transport parameters', () => {
  const parse = (params: SttDict): TransportParams | undefined =>
    parseHelloPayload(serializeStt({ ...dictOf(encodeHelloPayload(HELLO, 0)), params }))?.params;

  it('have their defaults where absent, and ignore what is unknown', () => {
    expect(parse({})).toEqual(DEFAULT_TRANSPORT_PARAMS);
    expect(parse({ future: [1, 2], __proto__: null })).toEqual(DEFAULT_TRANSPORT_PARAMS);
    expect(DEFAULT_TRANSPORT_PARAMS).toEqual({
      initialMaxData: 1_048_576,
      initialMaxStreamData: 262_144,
      maxStreams: 100,
      idleTimeoutMs: 30_000,
      maxUdpPayload: 65_507,
      maxDatagram: 65_000,
      maxAckDelayMs: 25,
      capabilities: [],
    });
  });

  const ranges: [string, keyof TransportParams, number, number][] = [
    ['initial_max_data', 'initialMaxData', 0, Number.MAX_SAFE_INTEGER],
    ['initial_max_stream_data', 'initialMaxStreamData', 0, Number.MAX_SAFE_INTEGER],
    ['max_streams', 'maxStreams', 0, 2 ** 31 - 1],
    ['idle_timeout_ms', 'idleTimeoutMs', 1000, 86_400_000],
    ['max_udp_payload', 'maxUdpPayload', 1200, MAX_DATAGRAM],
    ['max_datagram', 'maxDatagram', 0, MAX_DATAGRAM],
    ['max_ack_delay_ms', 'maxAckDelayMs', 0, 1000],
  ];

  it.each(ranges)('%s is refused outside of its range', (key, name, min, max) => {
    for (const good of [min, max]) {
      expect(parse({ [key]: good })?.[name]).toBe(good);
      const params = { ...DEFAULT_TRANSPORT_PARAMS, [name]: good };
      expect(parseHelloPayload(encodeHelloPayload({ ...HELLO, params }, 0))?.params).toEqual(params);
    }
    const below = key === 'idle_timeout_ms' ? 1 : min - 1;
    for (const bad of [below, min - 1, -1, max + 1, 2n ** 63n, 2n ** 64n - 1n, new Float64(min), 'x', null, [min]]) {
      expect(parse({ [key]: bad })).toBeUndefined();
    }
    for (const bad of [-1, max + 1, 1.5, Number.NaN]) {
      const params = { ...DEFAULT_TRANSPORT_PARAMS, [name]: bad };
      expect(codeOf(() => encodeHelloPayload({ ...HELLO, params }, 0))).toBe('ERR_STT_OPTION_RANGE');
    }
  });

  it('have no idle timeout at 0', () => {
    expect(parse({ idle_timeout_ms: 0 })?.idleTimeoutMs).toBe(0);
  });

  it('hold at most 32 capabilities of at most 32 octets', () => {
    expect(parse({ capabilities: Array<string>(32).fill('é'.repeat(16)) })?.capabilities).toHaveLength(32);
    for (const bad of [Array<string>(33).fill('x'), ['x'.repeat(33)], ['é'.repeat(17)], [1], 'x', {}, null]) {
      expect(parse({ capabilities: bad })).toBeUndefined();
    }
    const params = { ...DEFAULT_TRANSPORT_PARAMS, capabilities: ['x'.repeat(33)] };
    expect(codeOf(() => encodeHelloPayload({ ...HELLO, params }, 0))).toBe('ERR_STT_OPTION_RANGE');
  });
});

describe('a list of versions', () => {
  it('comes back as it was; anything else is none', () => {
    expect(parseVersionList(encodeVersionList([1, 2, 3]))).toEqual([1, 2, 3]);
    for (const bad of [serializeStt({}), serializeStt(['1']), serializeStt([-1]), new Uint8Array(0), ID]) {
      expect(parseVersionList(bad)).toBeUndefined();
    }
  });
});

describe('a handshake frame', () => {
  const hello = assembleHello(ID, noise(PADDED_HELLO_PAYLOAD));

  it('is an STTFrame of type HANDSHAKE in which all but the id is zero', () => {
    const frame = STTFrame.fromBytes(hello);
    expect({ ...frame, metadata: frame.cryptoMetadata.length }).toEqual({
      frameType: FrameType.HANDSHAKE,
      flags: 0,
      sessionId: ID,
      sequence: 0n,
      timestamp: 0n,
      streamId: 0,
      metadata: 0,
    });
    expect(frame.payload[0]).toBe(HandshakeType.HELLO);
  });

  it('is taken apart into views, so that the macs can be set in place', () => {
    const bytes = Uint8Array.of(0xff, ...hello, 0xff);
    const parts = handshakeParts(bytes, 1, bytes.length - 1)!;
    expect(parts.handshakeId).toEqual(ID);
    expect(parts.noiseMessage).toEqual(noise(PADDED_HELLO_PAYLOAD));
    expect(parts.authenticated).toEqual(Uint8Array.of(HandshakeType.HELLO, ...parts.noiseMessage));
    parts.mac1.fill(0x11);
    parts.mac2.fill(0x22);
    expect(bytes.subarray(-1 - 2 * MAC_OCTETS, -1)).toEqual(
      Uint8Array.of(...new Uint8Array(16).fill(0x11), ...new Uint8Array(16).fill(0x22)),
    );
    const at = handshakePayloadAt(bytes, 1, bytes.length - 1);
    expect(bytes.subarray(handshakeIdAt(at), handshakeIdAt(at) + 8)).toEqual(ID);
  });

  it('has one mac in a HELLO_RESP', () => {
    const response = assembleResponse(ID, noise(40));
    const parts = handshakeParts(response, 0, response.length)!;
    expect([parts.noiseMessage, parts.mac1.length, parts.mac2.length]).toEqual([noise(40), 16, 0]);
    expect(response.length).toBe(4 + 31 + 1 + NOISE_OVERHEAD + 40 + 16);
  });

  it('is refused if cut off anywhere, or if octets follow', () => {
    for (let end = 0; end < hello.length; end++) expect(handshakePayloadAt(hello, 0, end)).toBe(-1);
    expect(handshakePayloadAt(Uint8Array.of(...hello, 0), 0, hello.length + 1)).toBe(-1);
  });

  it('is refused if any field is set that is to be zero', () => {
    const short = assembleResponse(ID, noise(0));
    // Behind magic and length: type and flags, then (behind the id) sequence, timestamp, stream id and meta_len.
    for (const at of [0, 1, 4, 5, ...Array.from({ length: 21 }, (_, i) => 14 + i)]) {
      const changed = short.slice();
      changed[at]! ^= 0x40;
      expect(handshakePayloadAt(changed, 0, changed.length)).toBe(-1);
    }
  });

  it('is refused if it is longer than any message, or has no payload', () => {
    const long = assembleResponse(ID, noise(PADDED_RESPONSE_PAYLOAD + 1));
    expect(handshakePayloadAt(long, 0, long.length)).toBe(-1);
    const empty = new STTFrame({ frameType: 5, sessionId: ID, streamId: 0, sequence: 0, timestamp: 0 }).toBytes();
    expect(handshakePayloadAt(empty, 0, empty.length)).toBe(-1);
  });

  it('is no HELLO or HELLO_RESP if it is too short for a Noise message, or of another type', () => {
    for (const assemble of [assembleHello, assembleResponse]) {
      const bytes = assemble(ID, new Uint8Array(NOISE_OVERHEAD - 1));
      expect(handshakeParts(bytes, 0, bytes.length)).toBeUndefined();
      const enough = assemble(ID, new Uint8Array(NOISE_OVERHEAD));
      expect(handshakeParts(enough, 0, enough.length)).toBeDefined();
      expect(sealedReplyParts(enough, 0, enough.length)).toBeUndefined();
    }
  });

  it('carries a nonce and a sealed answer in COOKIE_REPLY and VERSIONS', () => {
    const nonce = new Uint8Array(24).fill(3);
    const sealed = new Uint8Array(32).fill(4);
    for (const type of [HandshakeType.COOKIE_REPLY, HandshakeType.VERSIONS] as const) {
      const bytes = assembleSealedReply(type, ID, nonce, sealed);
      expect(bytes[handshakePayloadAt(bytes, 0, bytes.length)]).toBe(type);
      expect(sealedReplyParts(bytes, 0, bytes.length)).toEqual({ handshakeId: ID, nonce, sealed });
      expect(handshakeParts(bytes, 0, bytes.length)).toBeUndefined();
      const short = assembleSealedReply(type, ID, nonce, sealed.subarray(0, 15));
      expect(sealedReplyParts(short, 0, short.length)).toBeUndefined();
    }
  });
});
