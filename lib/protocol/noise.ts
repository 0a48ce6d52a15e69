import type { CryptoProvider, KeyPair, NoiseState } from '../ports/crypto.js';
import { ascii } from '../wire/ascii.js';
import { concat } from '../wire/concat.js';

/*
 * The Noise Protocol Framework, revision 34, for 25519, ChaChaPoly and SHA256: handshakes only, since STT brings its
 * own packets. Octets that are held are never changed in place, so a copy shares them.
 */

const HASH_OCTETS = 32;
const DH_OCTETS = 32;
const TAG_OCTETS = 16;

/** What a Noise message does in turn (Noise §5.3, §9). */
export type NoiseToken = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';

export interface NoisePattern {
  /** Static keys that the other side knows beforehand. */
  readonly initiatorKnown: boolean;
  readonly responderKnown: boolean;
  /** Tokens of each message, the initiator's first, then by turns. */
  readonly messages: readonly (readonly NoiseToken[])[];
}

/** What a handshake starts from; what is needed depends on the pattern. */
export interface NoiseKeys {
  readonly prologue: Uint8Array;
  /** Own static key pair. */
  readonly s?: KeyPair | undefined;
  /** The peer's static public key, where the pattern has it known beforehand. */
  readonly rs?: Uint8Array | undefined;
  /** One for each psk token, 32 octets each. */
  readonly psks?: readonly Uint8Array[] | undefined;
}

/** What `Split()` gives: the transcript hash, and the keys of initiator and responder. */
export interface NoiseSplit {
  readonly hash: Uint8Array;
  readonly k1: Uint8Array;
  readonly k2: Uint8Array;
}

/** What is the same for all handshakes of one name. */
export interface NoiseProtocol {
  readonly pattern: NoisePattern;
  readonly isPsk: boolean;
  /** h before anything is mixed in. */
  readonly initialHash: Uint8Array;
}

/** The protocol `Noise_<name>_25519_ChaChaPoly_SHA256`; `pattern` is what the name stands for. */
export function noiseProtocol(crypto: CryptoProvider, name: string, pattern: NoisePattern): NoiseProtocol {
  const octets = ascii(`Noise_${name}_25519_ChaChaPoly_SHA256`);
  let initialHash: Uint8Array = new Uint8Array(HASH_OCTETS);
  if (octets.length > HASH_OCTETS) initialHash = crypto.sha256(octets);
  else initialHash.set(octets);
  return { pattern, isPsk: pattern.messages.some((tokens) => tokens.includes('psk')), initialHash };
}

/** What changes from message to message, but for the symmetric state. */
interface Progress {
  message: number;
  psksUsed: number;
  e: KeyPair | undefined;
  re: Uint8Array | undefined;
  rs: Uint8Array | undefined;
  ahead: Ahead | undefined;
}

/** What own ephemeral and a static key that the peer may turn out to have agree on. */
interface Ahead {
  readonly rs: Uint8Array;
  readonly shared: Uint8Array | undefined;
}

/** One side of a Noise handshake: `write` and `read` by turns as the pattern has it, then `split`. */
export class NoiseHandshake {
  readonly #protocol: NoiseProtocol;
  readonly #initiator: boolean;
  readonly #keys: NoiseKeys;
  readonly #symmetric: NoiseState;
  readonly #state: Progress;

  private constructor(
    protocol: NoiseProtocol,
    initiator: boolean,
    keys: NoiseKeys,
    symmetric: NoiseState,
    state: Progress,
  ) {
    this.#protocol = protocol;
    this.#initiator = initiator;
    this.#keys = keys;
    this.#symmetric = symmetric;
    this.#state = state;
  }

  static start(crypto: CryptoProvider, protocol: NoiseProtocol, initiator: boolean, keys: NoiseKeys): NoiseHandshake {
    const { initialHash, pattern } = protocol;
    const symmetric = crypto.noiseState(initialHash);
    symmetric.mixHash(keys.prologue);
    if (pattern.initiatorKnown) symmetric.mixHash(initiator ? keys.s!.publicKey : keys.rs!);
    if (pattern.responderKnown) symmetric.mixHash(initiator ? keys.rs! : keys.s!.publicKey);
    const state = { message: 0, psksUsed: 0, e: undefined, re: undefined, rs: keys.rs, ahead: undefined };
    return new NoiseHandshake(protocol, initiator, keys, symmetric, state);
  }
  get remoteStatic(): Uint8Array | undefined {
    return this.#state.rs;
  }
  /** An independent copy: to read a message that may turn out to be bad. */
  clone(): NoiseHandshake {
    const state = { ...this.#state };
    return new NoiseHandshake(this.#protocol, this.#initiator, this.#keys, this.#symmetric.clone(), state);
  }

  /**
   * Computes what own ephemeral and this static key agree on, for when the peer turns out to have it: an initiator that
   * waits for an answer has the time, and a guess that is wrong costs nobody else anything.
   */
  prepare(rs: Uint8Array): void {
    const { e } = this.#state;
    if (e !== undefined) this.#state.ahead = { rs, shared: e.agree(rs) };
  }

  /**
   * The next message, around a payload. `ephemeral`, fresh and never used twice, is needed where the message begins
   * with one. Undefined if a key of the peer is of low order: the handshake is dead then.
   */
  write(payload: Uint8Array, ephemeral?: KeyPair): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const token of this.#protocol.pattern.messages[this.#state.message]!) {
      if (token === 'e') {
        this.#state.e = ephemeral;
        const { publicKey } = ephemeral!;
        parts.push(publicKey);
        this.#mixEphemeral(publicKey);
      } else if (token === 's') {
        parts.push(this.#symmetric.encrypt(this.#keys.s!.publicKey));
      } else if (!this.#mixToken(token)) {
        return undefined;
      }
    }
    parts.push(this.#symmetric.encrypt(payload));
    this.#state.message++;
    return concat(parts);
  }

  /** Takes the next message in and gives its payload. Undefined if it is bad: the handshake is dead then. */
  read(message: Uint8Array): Uint8Array | undefined {
    let at = 0;
    for (const token of this.#protocol.pattern.messages[this.#state.message]!) {
      if (token === 'e') {
        if (message.length < at + DH_OCTETS) return undefined;
        this.#state.re = message.slice(at, at + DH_OCTETS);
        this.#mixEphemeral(this.#state.re);
        at += DH_OCTETS;
      } else if (token === 's') {
        const length = this.#symmetric.hasKey ? DH_OCTETS + TAG_OCTETS : DH_OCTETS;
        if (message.length < at + length) return undefined;
        this.#state.rs = this.#symmetric.decrypt(message.subarray(at, at + length));
        if (this.#state.rs === undefined) return undefined;
        at += length;
      } else if (!this.#mixToken(token)) {
        return undefined;
      }
    }
    const payload = this.#symmetric.decrypt(message.subarray(at));
    if (payload !== undefined) this.#state.message++;
    return payload;
  }

  /** After the last message. */
  split(): NoiseSplit {
    const split = this.#symmetric.split();
    return { hash: split.subarray(0, 32), k1: split.subarray(32, 64), k2: split.subarray(64) };
  }

  #mixToken(token: Exclude<NoiseToken, 'e' | 's'>): boolean {
    if (token === 'psk') {
      this.#symmetric.mixKeyAndHash(this.#keys.psks![this.#state.psksUsed++]!);
      return true;
    }
    // The first letter names the initiator's key, the second the responder's (Noise §5.3).
    const local = (this.#initiator ? token[0] : token[1]) === 'e' ? this.#state.e! : this.#keys.s!;
    const remote = (this.#initiator ? token[1] : token[0]) === 'e' ? this.#state.re! : this.#state.rs!;
    const { ahead, e } = this.#state;
    const isReady = ahead !== undefined && local === e && sameOctets(remote, ahead.rs);
    const shared = isReady ? ahead.shared : local.agree(remote);
    if (shared === undefined) return false;
    this.#symmetric.mixKey(shared);
    return true;
  }

  /** With a psk the key must depend on an ephemeral before anything is encrypted (Noise §9.2). */
  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    if (this.#protocol.isPsk) this.#symmetric.mixKey(publicKey);
  }
}

/** Of public keys: in no constant time. */
function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
