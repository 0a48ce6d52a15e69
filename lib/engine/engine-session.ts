import type { CryptoProvider, HeaderCipher, PacketCipher } from '../ports/crypto.js';
import type { SessionKeys } from '../ports/packet-engine.js';
import { ReplayWindow } from './replay-window.js';

/** Key material of one direction, keyed once. */
export class Direction {
  readonly cipher: PacketCipher;
  readonly header: HeaderCipher;
  readonly iv: Uint8Array;

  constructor(crypto: CryptoProvider, keys: SessionKeys, direction: 'send' | 'receive') {
    const { key, iv, hp } = keys[direction];
    this.cipher = crypto.createPacketCipher(keys.suite, key);
    this.header = crypto.createHeaderCipher(keys.suite, hp);
    this.iv = new Uint8Array(iv);
  }
}

/** What the engine knows of a session. */
export class EngineSession {
  readonly id: Uint8Array;
  readonly send: Direction;
  readonly receive: Direction;
  readonly window = new ReplayWindow();
  /** Failed openings left before the FORGERY_LIMIT row; negative once it was given. */
  forgeriesLeft: number;

  constructor(crypto: CryptoProvider, keys: SessionKeys) {
    this.id = new Uint8Array(keys.sessionId);
    this.send = new Direction(crypto, keys, 'send');
    this.receive = new Direction(crypto, keys, 'receive');
    this.forgeriesLeft = keys.forgeryLimit;
  }

  /** Wipes what JavaScript can reach; the ciphers themselves go with this object. */
  wipe(): void {
    this.send.iv.fill(0);
    this.receive.iv.fill(0);
  }
}
