import { STTFrame } from '../wire/stt-frame.js';

/** What a low-level transport counted since it was opened. */
export interface FrameStats {
  /** Frames given to the system, and their octets. */
  readonly framesSent: number;
  readonly octetsSent: number;
  /** Frames that were received and well-formed, and their octets. */
  readonly framesReceived: number;
  readonly octetsReceived: number;
  /** Datagrams or messages that were no STTFrame; they are dropped. */
  readonly malformed: number;
  /** Octets of frames that wait to be sent now. */
  readonly queuedOctets: number;
}

/** Reads and counts the frames of a low-level transport. */
export class FrameTraffic {
  #framesSent = 0;
  #octetsSent = 0;
  #framesReceived = 0;
  #octetsReceived = 0;
  #malformed = 0;

  /** One STTFrame and nothing else (STT §3), or undefined: anybody may have sent it. */
  read(bytes: Uint8Array): STTFrame | undefined {
    try {
      const frame = STTFrame.fromBytes(bytes);
      this.#framesReceived++;
      this.#octetsReceived += bytes.length;
      return frame;
    } catch {
      this.#malformed++;
      return undefined;
    }
  }

  sent(octets: number): void {
    this.#framesSent++;
    this.#octetsSent += octets;
  }

  stats(queuedOctets: number): FrameStats {
    return {
      framesSent: this.#framesSent,
      octetsSent: this.#octetsSent,
      framesReceived: this.#framesReceived,
      octetsReceived: this.#octetsReceived,
      malformed: this.#malformed,
      queuedOctets,
    };
  }
}
