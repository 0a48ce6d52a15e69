import type { SessionEnd, SessionObserver } from '../../../lib/ports/session-observer.js';
import type { Stream } from '../../../lib/protocol/stream.js';
import { parseAlternatives } from '../../../lib/wire/alt-address.js';
import { RESET_TOKEN_OCTETS } from '../../../lib/wire/handshake-messages.js';

/**
 * An application that notes what it is told and takes octets at once, unless told otherwise. Tests set the hooks they
 * need.
 */
export class Recorder implements SessionObserver {
  readonly events: string[] = [];
  readonly received = new Map<number, number[]>();
  readonly opened: Stream[] = [];
  readonly messages: { readonly tag: number; readonly octets: Uint8Array }[] = [];
  readonly userFrames: { readonly type: number; readonly octets: Uint8Array }[] = [];
  readonly fates = new Map<number, string>();
  readonly pongs = new Map<number, number>();
  readonly ended = new Set<number>();
  readonly finished = new Set<number>();
  readonly closed = new Set<number>();
  readonly resets = new Map<number, number>();
  readonly stops = new Map<number, number>();
  writable = 0;
  streamsAvailable = 0;
  end: SessionEnd | undefined;
  /** Whether octets count as read when they come. */
  reads = true;
  /** Whether octets are kept, one array per stream. */
  keeps = true;
  /** Called for every stream the peer opens. */
  accept: (stream: Stream) => void = () => {};
  onData: (stream: Stream, bytes: Uint8Array, begin: number, end: number) => void = () => {};
  onEndOf: (stream: Stream) => void = () => {};
  onRoom: (stream: Stream) => void = () => {};
  onToken: (token: Uint8Array) => void = () => {};

  onStream(stream: Stream): void {
    this.#assertLive('onStream');
    this.opened.push(stream);
    this.accept(stream);
  }

  onStreamData(stream: Stream, bytes: Uint8Array, begin: number, end: number): void {
    this.#assertLive('onStreamData');
    if (end <= begin) throw new Error(`stream ${stream.id}: empty octets were given`);
    if (this.ended.has(stream.id)) throw new Error(`stream ${stream.id}: octets after the end`);
    if (this.keeps) {
      let octets = this.received.get(stream.id);
      if (octets === undefined) this.received.set(stream.id, (octets = []));
      for (let at = begin; at < end; at++) octets.push(bytes[at]!);
    }
    this.onData(stream, bytes, begin, end);
    if (this.reads) stream.consumed(end - begin);
  }

  onStreamEnd(stream: Stream): void {
    this.#assertLive('onStreamEnd');
    if (this.ended.has(stream.id)) throw new Error(`stream ${stream.id} ended twice`);
    this.ended.add(stream.id);
    this.onEndOf(stream);
  }

  onResetToken(bytes: Uint8Array, begin: number): void {
    this.onToken(bytes.slice(begin, begin + RESET_TOKEN_OCTETS));
  }

  onAlternatives(bytes: Uint8Array, begin: number, end: number): boolean {
    return parseAlternatives(bytes, begin, end) !== undefined;
  }

  onStreamReset(stream: Stream, code: number): void {
    this.#assertLive('onStreamReset');
    this.resets.set(stream.id, code);
  }

  onStreamStopped(stream: Stream, code: number): void {
    this.#assertLive('onStreamStopped');
    this.stops.set(stream.id, code);
  }

  onStreamWritable(stream: Stream): void {
    this.#assertLive('onStreamWritable');
    this.writable++;
    this.onRoom(stream);
  }

  onStreamFinished(stream: Stream): void {
    this.#assertLive('onStreamFinished');
    if (this.finished.has(stream.id)) throw new Error(`stream ${stream.id} finished twice`);
    this.finished.add(stream.id);
  }

  onStreamClosed(stream: Stream): void {
    this.#assertLive('onStreamClosed');
    if (this.closed.has(stream.id)) throw new Error(`stream ${stream.id} closed twice`);
    this.closed.add(stream.id);
  }

  onStreamsAvailable(): void {
    this.streamsAvailable++;
  }

  onMessage(tag: number, bytes: Uint8Array, begin: number, end: number): void {
    this.#assertLive('onMessage');
    this.messages.push({ tag, octets: bytes.slice(begin, end) });
  }

  onMessageFate(messageId: number, fate: 'acked' | 'lost' | 'closed'): void {
    if (this.fates.has(messageId)) throw new Error(`message ${messageId} had two fates`);
    this.fates.set(messageId, fate);
  }

  onUserFrame(type: number, bytes: Uint8Array, begin: number, end: number): void {
    this.#assertLive('onUserFrame');
    this.userFrames.push({ type, octets: bytes.slice(begin, end) });
  }

  onPong(pingId: number, rttMs: number): void {
    this.pongs.set(pingId, rttMs);
  }

  onEnd(end: SessionEnd): void {
    if (this.end !== undefined) throw new Error('the session ended twice');
    this.end = end;
  }

  #assertLive(name: string): void {
    if (this.end !== undefined) throw new Error(`${name} after the end of the session`);
  }
}
