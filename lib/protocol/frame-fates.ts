import type { AckTracker } from './ack-tracker.js';
import type { ControlQueue } from './control-queue.js';
import type { ControlStream } from './control-stream.js';
import type { Messages } from './messages.js';
import { SentFrame, type SentFrameObserver } from './sent-frame.js';
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
    this.#tell(true, kind, a, b, c);
  }

  onFrameLost(kind: number, a: number, b: number, c: number): void {
    this.#tell(false, kind, a, b, c);
  }

  #tell(arrived: boolean, kind: number, a: number, b: number, c: number): void {
    const { streams, control, messages, acks, mtu, controlStream } = this.#parts;
    if (!streams.live) return;
    if (kind === SentFrame.STREAM) {
      const sender = a === 0 ? controlStream?.sending : streams.table.get(a);
      const end = b + Math.floor(c / 2);
      if (arrived) sender?.onAcked(b, end, c % 2 === 1);
      else sender?.onLost(b, end, c % 2 === 1);
    } else if (kind === SentFrame.MESSAGE) {
      messages.onFate(a, arrived);
    } else if (kind === SentFrame.MTU_PROBE) {
      mtu.onProbeFate(b, arrived);
    } else if (!arrived) {
      control.onLost(kind, a, b, c, streams);
    } else if (kind === SentFrame.ACK) {
      acks.onAckOfAckReceived(a);
    } else {
      control.onAcked(kind, a, streams);
    }
  }
}
