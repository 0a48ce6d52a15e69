import { errorCodeOfClose, sttError, type STTError, type STTSessionError } from '../errors.js';
import type { AlternativeAddresses } from '../ports/path-host.js';
import type { SessionEnd, SessionObserver } from '../ports/session-observer.js';
import type { Session } from '../protocol/session.js';
import type { Stream } from '../protocol/stream.js';
import type { KeyRotation } from './key-rotation.js';
import { reportLater } from './report.js';
import type { Platform, StreamFace, StreamHost } from './stream-face.js';

/** Who is told what happens in a session: the public `STTSession`. */
export interface SessionFace<S extends StreamFace> {
  onStream(stream: S): void;
  onStreamsAvailable(): void;
  onMessage(tag: number, data: Uint8Array): void;
  onMessageFate(messageId: number, fate: 'acked' | 'lost' | 'closed'): void;
  onUserFrame(type: number, data: Uint8Array): void;
  onPong(pingId: number, rttMs: number): void;
  onProgress(): void;
  /** The session moved to another address of the peer, ADDRESS_OCTETS. */
  onPath?(address: Uint8Array): void;
  onAlternatives?(addresses: AlternativeAddresses): void;
  onEnd(error: STTError): void;
}

/** The bridge from the sans-IO core of a session to the application, whatever carries its packets. */
export abstract class SessionBridge<S extends StreamFace> implements SessionObserver, StreamHost {
  session!: Session;
  face: SessionFace<S> | undefined;
  /** What the other side is called in errors: its address, or the URL. */
  remoteLabel: string;
  protected readonly platform: Platform<S>;
  protected keyRotation: KeyRotation | undefined;

  constructor(remoteLabel: string, platform: Platform<S>) {
    this.remoteLabel = remoteLabel;
    this.platform = platform;
  }

  /** Made when it is needed: most sessions are short. */
  abstract readonly rotation: KeyRotation;
  abstract schedule(): void;

  /** Makes the application's side of a stream. */
  attach(stream: Stream): S {
    const made = this.platform.makeStream(stream, this);
    stream.attachment = made;
    return made;
  }

  // SessionObserver

  onStream(stream: Stream): void {
    const made = this.attach(stream);
    this.tell(() => this.face?.onStream(made));
  }

  onStreamData(stream: Stream, bytes: Uint8Array, begin: number, end: number): void {
    (stream.attachment as S).deliver(bytes, begin, end);
  }

  onStreamEnd(stream: Stream): void {
    (stream.attachment as S).deliverEnd();
  }

  onStreamReset(stream: Stream, code: number): void {
    (stream.attachment as S).deliverReset(code, true);
  }

  onStreamStopped(stream: Stream, code: number): void {
    (stream.attachment as S).deliverReset(code, false);
  }

  onStreamWritable(stream: Stream): void {
    (stream.attachment as S).deliverWritable();
  }

  onStreamFinished(stream: Stream): void {
    (stream.attachment as S).deliverFinished();
  }

  onStreamClosed(): void {}

  onStreamsAvailable(): void {
    this.face?.onStreamsAvailable();
  }

  onMessage(tag: number, bytes: Uint8Array, begin: number, end: number): void {
    const data = this.platform.copy(bytes, begin, end);
    this.tell(() => this.face?.onMessage(tag, data));
  }

  onMessageFate(messageId: number, fate: 'acked' | 'lost' | 'closed'): void {
    this.face?.onMessageFate(messageId, fate);
  }

  onUserFrame(type: number, bytes: Uint8Array, begin: number, end: number): void {
    const data = this.platform.copy(bytes, begin, end);
    this.tell(() => this.face?.onUserFrame(type, data));
  }

  abstract onResetToken(bytes: Uint8Array, begin: number): void;

  onPong(pingId: number, rttMs: number): void {
    this.face?.onPong(pingId, rttMs);
  }

  onEnd(end: SessionEnd): void {
    this.end(endError(end, this.remoteLabel, this.session.idleTimeoutMs));
  }

  /** Ends the session for a cause of which its core knows nothing: nothing can be sent any more. */
  abandon(error: STTError): void {
    if (this.session.state === 'open') this.end(error);
    this.session.destroy();
    this.schedule();
  }

  protected end(error: STTError): void {
    for (const stream of [...this.session.streams()]) {
      (stream.attachment as S | undefined)?.deliverSessionEnd(error);
    }
    this.keyRotation?.end(error);
    this.tell(() => this.face?.onEnd(error));
  }

  /** Runs the application's handlers; what they throw must not stop the batch. */
  protected tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      reportLater(error);
    }
  }
}

function endError(end: SessionEnd, remote: string, idleMs: number): STTError {
  const limit = Error.stackTraceLimit;
  // The network brought this end: a stack would tell nothing, and costs more than all else of a short session's end.
  Error.stackTraceLimit = 0;
  const why = end.reason === '' ? (end.remote ? 'by the other side' : 'by this side') : end.reason;
  const error = sttError(errorCodeOfClose(end.closeCode), {
    why,
    remote,
    idleMs,
    closeCode: end.closeCode,
  }) as STTSessionError;
  Error.stackTraceLimit = limit;
  error.closeCode = end.closeCode;
  error.reason = end.reason;
  error.remote = end.remote;
  return error;
}
