// Parsing and writing: STTFrames (STT §3), and the frames inside of packets (§6), which only TypeScript parses.
import { STTFrame } from '../../dist/index.js';
import { loadNative } from '../../dist/native/binding.js';
import { encodeAck, encodeStreamHeader, parsePacketFrames } from '../../dist/wire/packet-frames.js';

const { addon } = loadNative();
const SIZES = [64, 1168, 65_536];
const nothing = () => 0;
const METHODS =
  'Padding Data Stream Ack User Ping Pong FlowCredit SessionClose StreamLimit StreamReset StopSending PathChallenge PathResponse ResetToken AckFrequency ImmediateAck AltAddress';
const visitor = Object.fromEntries(METHODS.split(' ').map((name) => [`on${name}`, nothing]));

function frameCases(size) {
  const options = { frameType: 5, sessionId: new Uint8Array(8), streamId: 1, sequence: 7n, timestamp: 1n };
  const payload = new Uint8Array(size).fill(7);
  const frame = new STTFrame({ ...options, payload });
  const octets = frame.toBytes();
  const none = new Uint8Array(0);
  const native = (run) => (addon === undefined ? {} : { native: run });
  const encode = () => addon.encodeFrame(5, 0, options.sessionId, 7n, 1n, 1, none, payload);
  return [
    {
      name: `STTFrame of ${size}, parse`,
      variants: { ...native(() => addon.parseFrame(octets)), js: () => STTFrame.parse(octets) },
    },
    { name: `STTFrame of ${size}, write`, variants: { ...native(encode), js: () => frame.toBytes() } },
  ];
}

function packetCases() {
  const ack = new Uint8Array(64);
  const ranges = new Float64Array([1000, 1040, 900, 980]);
  const ackEnd = encodeAck(25, ranges, 2, false, 0, 0, 0, ack, 0);
  const stream = new Uint8Array(1371);
  encodeStreamHeader(1, 1_000_000, false, 1355, stream, 0);
  return [
    { name: 'packet of an ACK, two ranges', variants: { js: () => parsePacketFrames(ack, 0, ackEnd, visitor) } },
    { name: 'packet of a STREAM frame', variants: { js: () => parsePacketFrames(stream, 0, stream.length, visitor) } },
  ];
}

export const title = 'one frame';
export const cases = [...SIZES.flatMap(frameCases), ...packetCases()];
