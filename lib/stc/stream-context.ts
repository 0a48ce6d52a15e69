import { SESSION_ID_OCTETS } from '../constants.js';
import { optionError } from '../options.js';
import type { CryptoProvider } from '../ports/crypto.js';
import { KEY_OCTETS } from './aead-sizes.js';
import type { StcRoot } from './stc-root.js';

const MAX_STREAM_ID = 0xffff_ffff;

/** What is sealed for one stream is apart from all others: a key of its own (STT §2, §8). */
export class StreamContext {
  /** Eight octets. */
  readonly sessionId: Uint8Array;
  readonly streamId: number;
  readonly #key: Uint8Array;
  readonly #crypto: CryptoProvider;

  /**
   * By `STCWrapper.createStreamContext`.
   * @throws STTConfigError `ERR_STT_OPTION_RANGE` for an id of another size
   */
  constructor(root: StcRoot, sessionId: Uint8Array, streamId: number) {
    if (sessionId.length !== SESSION_ID_OCTETS) {
      throw optionError('sessionId', `${sessionId.length} octets long`, `${SESSION_ID_OCTETS} octets`);
    }
    if (!Number.isInteger(streamId) || streamId < 0 || streamId > MAX_STREAM_ID) {
      throw optionError('streamId', streamId, 'an integer of 32 bits');
    }
    // The slice of a Buffer would share its memory.
    this.sessionId = Uint8Array.from(sessionId);
    this.streamId = streamId;
    this.#crypto = root.crypto;
    const info = new Uint8Array(SESSION_ID_OCTETS + 4);
    info.set(sessionId);
    new DataView(info.buffer).setUint32(SESSION_ID_OCTETS, streamId);
    this.#key = root.expand('stream', info, KEY_OCTETS);
  }

  /** @internal */
  get crypto(): CryptoProvider {
    return this.#crypto;
  }

  /** @internal The key of one encoder: chunks of different encoders never share one (STT §8). */
  chunkKey(salt: Uint8Array, info: Uint8Array): Uint8Array {
    return this.#crypto.hkdfExpand(this.#crypto.hkdfExtract(salt, this.#key), info, KEY_OCTETS);
  }
}
