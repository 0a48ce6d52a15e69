import { describe, expect, it } from 'vitest';
import { CloseCode } from '../../lib/constants.js';
import { JsPacketEngine } from '../../lib/engine/js-packet-engine.js';
import { loadNative, type NativeAddon } from '../../lib/native/binding.js';
import { NativePacketEngine } from '../../lib/native/packet-engine.js';
import type { PacketEngine, PacketEngineEvents } from '../../lib/ports/packet-engine.js';
import { handshakeParts, sealedReplyParts } from '../../lib/wire/handshake-messages.js';
import { parsePacketFrames } from '../../lib/wire/packet-frames.js';
import { STTFrame } from '../../lib/wire/stt-frame.js';
import {
  accountedDatagrams,
  agreedStats,
  captureRows,
  hex,
  testCrypto,
  type CapturedRow,
} from '../support/engine-harness.js';
import { FrameRecorder } from '../support/frame-recorder.js';
import { corpusOf, playHandshakes, playPackets, type FuzzStage } from '../support/fuzz-records.js';
import { skipReason } from '../support/native-endpoint.js';
import { parsedFrame } from '../support/parsed-frame.js';

/*
 * Inputs that the fuzzers found worth keeping: each reaches code that no other does, or was once a finding. They are
 * replayed to the engine in JavaScript, and the addon must say the same of them.
 */

interface Stage extends FuzzStage {
  readonly rows: CapturedRow[];
}

/** A stage around an engine made by `make`. */
function stageOf(
  make: (events: PacketEngineEvents) => PacketEngine & { deliver(): void },
  receive: (engine: never, datagram: Uint8Array, address: Uint8Array) => void,
): Stage {
  const rows: CapturedRow[] = [];
  const engine = make({
    onBatch: (rowCount, groupCount) => void rows.push(...captureRows(engine, rowCount, groupCount)),
    onWritable: () => {},
    onError: (error) => {
      throw error;
    },
  });
  return {
    engine,
    rows,
    receive: (datagram, address) => receive(engine as never, datagram, address),
    deliver: () => engine.deliver(),
  };
}

const output = {
  canMark: false,
  receiveBufferOctets: 0,
  sendBufferOctets: 0,
  send: () => true,
  close: () => Promise.resolve(),
};
const jsStage = (): Stage =>
  stageOf(
    (events) => new JsPacketEngine({ crypto: testCrypto, events, output }),
    (engine: JsPacketEngine, datagram, address) => engine.receive(datagram, address),
  );
const nativeStage = (): Stage =>
  stageOf(
    (events) => NativePacketEngine.withoutSocket(events),
    (engine: NativePacketEngine, datagram, address) => engine.receive(datagram, address),
  );

/** Rows without what engines may choose as they like. */
const neutral = (rows: readonly CapturedRow[]): object[] => rows.map((row) => ({ ...row, slot: 0, path: 0 }));

/** Plays an input to the JS engine and, where it is there, to the addon; they must agree. */
function replay(play: (stage: FuzzStage) => void): void {
  const js = jsStage();
  play(js);
  const stats = js.engine.stats();
  expect(accountedDatagrams(stats)).toBe(stats.datagramsReceived);
  if (skipReason !== undefined) return;
  const native = nativeStage();
  play(native);
  expect(neutral(native.rows)).toEqual(neutral(js.rows));
  expect(agreedStats(native.engine.stats())).toEqual(agreedStats(stats));
  void native.engine.close();
}

describe('inputs of the fuzzers', () => {
  it('of packets: engines agree, and the parser of their frames is total', () => {
    const corpus = corpusOf('packet');
    expect(corpus.length).toBeGreaterThan(5);
    for (const input of corpus) {
      replay((stage) =>
        playPackets(input, stage, (payload) => {
          const code = parsePacketFrames(payload, 0, payload.length, new FrameRecorder());
          expect([CloseCode.NONE, CloseCode.PROTOCOL, CloseCode.FRAME_ENCODING]).toContain(code);
        }),
      );
    }
  });

  it('of handshake messages: engines agree, and the parsers behind them are total', () => {
    const corpus = corpusOf('handshake');
    expect(corpus.length).toBeGreaterThan(5);
    for (const input of corpus) {
      replay((stage) =>
        playHandshakes(input, {
          ...stage,
          receive: (datagram, address) => {
            handshakeParts(datagram, 0, datagram.length);
            sealedReplyParts(datagram, 0, datagram.length);
            stage.receive(datagram, address);
          },
        }),
      );
    }
  });

  it('of frames: what is read is written as it was, and both codecs say the same', () => {
    const corpus = corpusOf('frame');
    expect(corpus.length).toBeGreaterThan(5);
    const addon = skipReason === undefined ? (loadNative().addon as NativeAddon) : undefined;
    for (const input of corpus) {
      const parsed = parsedFrame(input);
      if (typeof parsed !== 'string') {
        expect(hex(new STTFrame(parsed).toBytes())).toBe(hex(input.subarray(0, parsed.bytesRead)));
      }
      if (addon !== undefined) expect(addon.parseFrame(input)).toEqual(parsed);
    }
  });
});
