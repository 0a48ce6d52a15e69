import type { FrameLog } from './frame-log.js';

/** Makes a kind of control frames by itself. */
export interface FrameSource {
  /** One waits to be sent. */
  readonly wanted: boolean;
  /** Writes it at `at`, notes it, and gives its end. */
  encode(out: Uint8Array, at: number, log: FrameLog): number;
  /** The one that `a` identifies was lost. */
  onLost(a: number): void;
}
