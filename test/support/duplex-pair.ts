import { Duplex } from 'node:stream';

/** Like a stream of a session hands octets on. */
const CHUNK_OCTETS = 65_536;

class Half extends Duplex {
  other!: Half;
  passed = 0;
  #waiting: (() => void) | undefined;

  /** Octets after which both halves are destroyed, as if the session had ended. */
  breakAfter = Infinity;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.passed += chunk.length;
    if (this.passed > this.breakAfter) {
      const error = Object.assign(new Error('the peer is gone'), { code: 'ERR_STT_IDLE_TIMEOUT' });
      this.other.destroy(error);
      done(error);
      return;
    }
    let room = true;
    // Copied, since what is written stays the writer's and what is read is the reader's.
    for (let at = 0; at < chunk.length; at += CHUNK_OCTETS) {
      room = this.other.push(Buffer.from(chunk.subarray(at, at + CHUNK_OCTETS)));
    }
    if (room) setImmediate(done);
    else this.other.#waiting = done;
  }

  override _read(): void {
    const done = this.#waiting;
    this.#waiting = undefined;
    if (done !== undefined) setImmediate(done);
  }

  override _final(done: () => void): void {
    this.other.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.other.destroyed && !(this.readableEnded && this.writableFinished)) {
      const reset = Object.assign(new Error('the other side reset the stream'), { code: 'ERR_STT_STREAM_RESET' });
      setImmediate(() => this.other.destroy(error === null ? undefined : reset));
    }
    done(error);
  }
}

/** Two ends of an in-memory byte stream with back-pressure and half-close. `breakAfter`: octets from a to b until it breaks. */
export function duplexPair(options: { readonly breakAfter?: number } = {}): [Duplex, Duplex] {
  const a = new Half({ readableHighWaterMark: CHUNK_OCTETS });
  const b = new Half({ readableHighWaterMark: CHUNK_OCTETS });
  a.other = b;
  b.other = a;
  a.breakAfter = options.breakAfter ?? Infinity;
  for (const half of [a, b]) half.on('error', () => {});
  return [a, b];
}
