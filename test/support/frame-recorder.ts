import { CloseCode } from '../../lib/constants.js';
import type { FrameVisitor } from '../../lib/wire/packet-frames.js';

/** A call of the parser: the name of the frame, its numbers, and its octets as hex. */
export type SeenFrame = readonly [string, ...(number | boolean | string | number[][])[]];

const hex = (bytes: Uint8Array, begin: number, end: number): string =>
  Buffer.from(bytes.subarray(begin, end)).toString('hex');

/** Writes down what the parser of packet frames calls. */
export class FrameRecorder implements FrameVisitor {
  readonly seen: SeenFrame[] = [];
  readonly #answer: number;

  /** `answer`: what every call gives. */
  constructor(answer: number = CloseCode.NONE) {
    this.#answer = answer;
  }

  onPadding(octets: number): number {
    return this.#note('PADDING', octets);
  }
  onData(tag: number, bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('DATA', tag, hex(bytes, begin, end));
  }
  onStream(streamId: number, offset: number, fin: boolean, bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('STREAM', streamId, offset, fin, hex(bytes, begin, end));
  }
  onAck(
    largest: number,
    delayUs: number,
    ranges: Float64Array,
    rangeCount: number,
    hasEcn: boolean,
    ect0: number,
    ect1: number,
    ce: number,
  ): number {
    const pairs = Array.from({ length: rangeCount }, (_, i) => [ranges[2 * i]!, ranges[2 * i + 1]!]);
    return this.#note('ACK', largest, delayUs, pairs, hasEcn, ect0, ect1, ce);
  }
  onUser(type: number, bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('USER', type, hex(bytes, begin, end));
  }
  onPing(bytes: Uint8Array, begin: number): number {
    return this.#note('PING', hex(bytes, begin, begin + 8));
  }
  onPong(bytes: Uint8Array, begin: number): number {
    return this.#note('PONG', hex(bytes, begin, begin + 8));
  }
  onFlowCredit(streamId: number, limit: number): number {
    return this.#note('FLOW_CREDIT', streamId, limit);
  }
  onSessionClose(code: number, bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('SESSION_CLOSE', code, hex(bytes, begin, end));
  }
  onStreamLimit(count: number): number {
    return this.#note('STREAM_LIMIT', count);
  }
  onStreamReset(streamId: number, code: number, finalSize: number): number {
    return this.#note('STREAM_RESET', streamId, code, finalSize);
  }
  onStopSending(streamId: number, code: number): number {
    return this.#note('STOP_SENDING', streamId, code);
  }
  onPathChallenge(bytes: Uint8Array, begin: number): number {
    return this.#note('PATH_CHALLENGE', hex(bytes, begin, begin + 8));
  }
  onPathResponse(bytes: Uint8Array, begin: number): number {
    return this.#note('PATH_RESPONSE', hex(bytes, begin, begin + 8));
  }
  onResetToken(bytes: Uint8Array, begin: number): number {
    return this.#note('RESET_TOKEN', hex(bytes, begin, begin + 16));
  }
  onAckFrequency(sequence: number, threshold: number, maxDelayUs: number): number {
    return this.#note('ACK_FREQUENCY', sequence, threshold, maxDelayUs);
  }
  onImmediateAck(): number {
    return this.#note('IMMEDIATE_ACK');
  }
  onAltAddress(bytes: Uint8Array, begin: number, end: number): number {
    return this.#note('ALT_ADDRESS', hex(bytes, begin, end));
  }

  #note(...call: SeenFrame): number {
    this.seen.push(call);
    return this.#answer;
  }
}
