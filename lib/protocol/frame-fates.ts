import type { AckTracker } from './ack-tracker.js';
import type { ControlQueue } from './control-queue.js';
import type { ControlStream } from './control-stream.js';
import type { Messages } from './messages.js';
import { SentFrame, type SentFrameObserver } from './sent-packets.js';
import type { SessionMtu } from './session-mtu.js';
import type { Streams } from './streams.js';

/** The machines that want to know what became of what they sent. */
export interface FateParts {
  readonly streams: Streams;
  readonly control: ControlQueue;
  readonly messages: Messages;
  readonly acks: AckTracker;
  readonly mtu: SessionMtu;
  readonly controlStream: ControlStream | undefined;
}

/** Tells the machines which of their frames were acknowledged or lost. */
export class FrameFates implements SentFrameObserver {
  readonly #parts: FateParts;

  constructor(parts: FateParts) {
    this.#parts = parts;
  }

  onFrameAcked(kind: number, a: number, b: number, c: number): void {
    const { streams, control, messages, acks, mtu, controlStream } = this.#parts;
    if (!streams.live) return;
    switch (kind) {
      case SentFrame.STREAM: {
        const end = b + Math.floor(c / 2);
        if (a === 0) controlStream?.sending.onAcked(b, end, false);
        else streams.table.get(a)?.onAcked(b, end, c % 2 === 1);
        return;
      }
      case SentFrame.ACK:
        acks.onAckOfAckReceived(a);
        return;
      case SentFrame.MESSAGE:
        messages.onFate(a, true);
        return;
      case SentFrame.MTU_PROBE:
        mtu.onProbeFate(b, true);
        return;
      default:
        control.onAcked(kind, a, streams);
    }
  }

  onFrameLost(kind: number, a: number, b: number, c: number): void {
    const { streams, control, messages, mtu, controlStream } = this.#parts;
    if (!streams.live) return;
    switch (kind) {
      case SentFrame.STREAM: {
        const end = b + Math.floor(c / 2);
        if (a === 0) controlStream?.sending.onLost(b, end, false);
        else streams.table.get(a)?.onLost(b, end, c % 2 === 1);
        return;
      }
      case SentFrame.ACK:
        return;
      case SentFrame.MESSAGE:
        messages.onFate(a, false);
        return;
      case SentFrame.MTU_PROBE:
        mtu.onProbeFate(b, false);
        return;
      default:
        control.onLost(kind, a, b, c, streams);
    }
  }
}
