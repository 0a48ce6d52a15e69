import { HandshakeType, PROTOCOL_VERSION, SESSION_ID_OCTETS } from '../../constants.js';
import type { CryptoProvider, KeyPair, Suite } from '../../ports/crypto.js';
import type { Random } from '../../ports/random.js';
import {
  assembleHello,
  encodeHelloPayload,
  handshakeParts,
  handshakePayloadAt,
  PADDED_HELLO_PAYLOAD,
  parseResponsePayload,
  parseVersionList,
  sealedReplyParts,
  type HelloPayload,
  type TransportParams,
} from '../../wire/handshake-messages.js';
import { openCookieReply, proofOf } from '../../wire/cookies.js';
import type { HelloPayloads } from '../../wire/handshake-payloads.js';
import { sessionKeyOf } from '../key-schedule.js';
import type { NoiseHandshake, NoiseProtocol } from '../noise.js';
import type { HandshakeResult } from './handshake-result.js';
import type { HelloClock } from './hello-clock.js';
import { helloMac1, responseMac1 } from './macs.js';
import { freshKeyPair, ixpsk0, startNoise } from './noise-ixpsk0.js';
import type { SeedKeys } from './seed-keys.js';

/** The first retransmission comes early, since the first answer is the likeliest to be lost unseen (STT §4). */
const FIRST_RETRANSMIT_MS = 250;
const RETRANSMIT_MS = 500;
/** A HELLO with a cookie follows the one before no sooner, whoever asks for cookies (STT §4). */
const COOKIE_INTERVAL_MS = 250;
/** So that initiators which lost their peer together do not come back together. */
const JITTER = 0.1;
/** After which a HELLO is given up for a fresh one: its timestamp grows old (STT §4). */
const RESTART_MS = 4000;
const DEFAULT_TIMEOUT_MS = 10_000;
const TWO_32 = 2 ** 32;

export interface InitiatorConfig {
  readonly crypto: CryptoProvider;
  /** Where ephemeral key pairs come from that were made ahead; each is given once. Default: made when needed. */
  readonly ephemeralKeys?: (() => KeyPair | undefined) | undefined;
  /** Keys of the seed that initiates: the first of the ring. */
  readonly seed: SeedKeys;
  readonly staticKeys: KeyPair;
  readonly params: TransportParams;
  /** In order of preference; see `preferredSuites`. */
  readonly suites: readonly Suite[];
  /** Shared by all attempts of a node. */
  readonly helloClock: HelloClock;
  readonly random: Random;
  /** True for the id of a session that this node already has. */
  readonly isSessionIdTaken: (sessionId: Uint8Array) => boolean;
  /** Only this peer will do. */
  readonly peerNodeId?: Uint8Array | undefined;
  /** After which the attempt has failed; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** One that the peer gave to an earlier attempt from the same socket: saves the round trip if it is under load. */
  readonly cookie?: Uint8Array | undefined;
  /** The peer asks for a proof of this node's address, and gave a cookie (16 octets) for it. */
  readonly onCookie?: ((cookie: Uint8Array) => void) | undefined;
  /** What `helloPayloads` makes of `params` and `suites`, for nodes that make many attempts. */
  readonly payloads?: Pick<HelloPayloads, 'encode'> | undefined;
}

/** What the HELLOs of a node say, but for their timestamps. */
export function helloContent(params: TransportParams, suites: readonly Suite[]): Omit<HelloPayload, 'timestampMicros'> {
  return { version: PROTOCOL_VERSION, versions: [PROTOCOL_VERSION], suites, params };
}

/** A HELLO to send now. */
export interface HelloTransmit {
  readonly datagram: Uint8Array;
  /** Answers to it carry this id: eight octets, for `PacketEngine.expectHandshake`. */
  readonly handshakeId: Uint8Array;
  /** True when `handshakeId` was not seen before. */
  readonly fresh: boolean;
}

/** Why an attempt that timed out had no success. */
export type InitiatorFailure =
  'ERR_STT_HANDSHAKE_TIMEOUT' | 'ERR_STT_HANDSHAKE_SELF' | 'ERR_STT_PEER_MISMATCH' | 'ERR_STT_VERSION';

/** One HELLO and what is needed to take its answer in. */
interface Attempt {
  readonly handshakeId: Uint8Array;
  readonly datagram: Uint8Array;
  readonly mac1: Uint8Array;
  /** Of `datagram`: what proves its sender's address. */
  readonly mac2: Uint8Array;
  /** The hash under both. */
  readonly digest: Uint8Array;
  readonly ephemeral: KeyPair;
  readonly noise: NoiseHandshake;
  sent: number;
  sentAt: number;
}

/**
 * One attempt to reach a peer (STT §4). `start` it, then call `pollTransmit` at every `pollTimeout()` until `failure`
 * is set, and `handleAnswer` for every answer until one gives a result.
 *
 * Answers that are no good are dropped and counted, never the end of it: anyone may send them. What they tell about a
 * peer that is not the right one becomes the reason of the failure when time is up.
 */
export class HandshakeInitiator {
  readonly #config: InitiatorConfig;
  readonly #protocol: NoiseProtocol;
  /** Oldest first; late answers to the earlier ones still count. */
  readonly #attempts: Attempt[] = [];
  #deadline = Infinity;
  #nextSendAt = Infinity;
  #restartAt = -Infinity;
  #hint: InitiatorFailure = 'ERR_STT_HANDSHAKE_TIMEOUT';
  #failure: InitiatorFailure | undefined;
  #dropped = 0;
  #over = false;
  /** The newest cookie, and when a HELLO was last sent because of one. */
  #cookie: Uint8Array | undefined;
  #provedAt = -Infinity;

  constructor(config: InitiatorConfig) {
    this.#config = config;
    this.#cookie = config.cookie;
    this.#protocol = ixpsk0(config.crypto);
  }

  /** Set once time is up, which `pollTransmit` finds. */
  get failure(): InitiatorFailure | undefined {
    return this.#failure;
  }

  /** The ids whose answers count, eight octets each. All are to be forgotten when the attempt is over. */
  get handshakeIds(): readonly Uint8Array[] {
    return this.#attempts.map((attempt) => attempt.handshakeId);
  }

  /** Answers that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Begins at this time; the first HELLO is due at once. */
  start(now: number): void {
    this.#deadline = now + (this.#config.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.#nextSendAt = now;
    this.#restartAt = now;
  }

  /** Absolute time of the next transmission or of giving up; Infinity when it is over. */
  pollTimeout(): number {
    return Math.min(this.#nextSendAt, this.#deadline);
  }

  /**
   * The HELLO that is due, if one is.
   * @param wallClockMicros - microseconds since the epoch
   * @throws STTConfigError `ERR_STT_OPTION_RANGE` if the parameters do not fit a HELLO
   */
  pollTransmit(now: number, wallClockMicros: number): HelloTransmit | undefined {
    if (now >= this.#deadline) {
      this.#failure = this.#hint;
      this.#finish();
      return undefined;
    }
    if (now < this.#nextSendAt) return undefined;
    const fresh = now >= this.#restartAt;
    if (fresh) {
      this.#attempts.push(this.#makeAttempt(wallClockMicros));
      this.#restartAt = now + RESTART_MS;
    }
    const attempt = this.#attempts.at(-1)!;
    const { datagram, handshakeId } = attempt;
    const interval = attempt.sent === 0 ? FIRST_RETRANSMIT_MS : RETRANSMIT_MS;
    attempt.sent++;
    attempt.sentAt = now;
    this.#nextSendAt = Math.min(now + interval * this.#jitter(), this.#restartAt);
    return { datagram, handshakeId, fresh };
  }

  /** For the time until the answer: this peer is likely to give it. A wrong guess does no harm. */
  prepare(peerNodeId: Uint8Array): void {
    if (!this.#over) this.#attempts.at(-1)?.noise.prepare(peerNodeId);
  }

  /** Takes a datagram in. Undefined unless it finishes the handshake, which happens once. */
  handleAnswer(bytes: Uint8Array, begin: number, end: number, now: number): HandshakeResult | undefined {
    const at = this.#over ? -1 : handshakePayloadAt(bytes, begin, end);
    const type = at < 0 ? undefined : bytes[at];
    let result: HandshakeResult | undefined;
    if (type === HandshakeType.HELLO_RESP) result = this.#handleResponse(bytes, begin, end, now);
    else if (type === HandshakeType.VERSIONS) this.#handleVersions(bytes, begin, end);
    else if (type === HandshakeType.COOKIE_REPLY && this.#handleCookie(bytes, begin, end, now)) return undefined;
    if (result === undefined) this.#dropped++;
    else this.#finish();
    return result;
  }

  /** Gives up and wipes the keys, as far as they can be. */
  abandon(): void {
    this.#finish();
    for (const { ephemeral } of this.#attempts) ephemeral.destroy();
    this.#attempts.length = 0;
  }

  #finish(): void {
    this.#over = true;
    this.#deadline = Infinity;
    this.#nextSendAt = Infinity;
  }

  /** 1 +- JITTER. */
  #jitter(): number {
    return 1 - JITTER + (2 * JITTER * this.#config.random.u32()) / TWO_32;
  }

  #makeAttempt(wallClockMicros: number): Attempt {
    const { crypto, seed, staticKeys, params, suites, helloClock } = this.#config;
    const handshakeId = crypto.randomBytes(SESSION_ID_OCTETS);
    const ephemeral = this.#config.ephemeralKeys?.() ?? freshKeyPair(crypto);
    const noise = startNoise(crypto, this.#protocol, true, handshakeId, seed.psk, staticKeys);
    const timestampMicros = helloClock.next(wallClockMicros);
    const payload =
      this.#config.payloads?.encode(timestampMicros) ??
      encodeHelloPayload({ ...helloContent(params, suites), timestampMicros }, PADDED_HELLO_PAYLOAD);
    // The first message of IX has no DH that could fail.
    const datagram = assembleHello(handshakeId, noise.write(payload, ephemeral)!);
    const parts = handshakeParts(datagram, 0, datagram.length)!;
    const digest = crypto.sha256(parts.handshakeId, parts.authenticated);
    const mac1 = helloMac1(crypto, seed, digest);
    parts.mac1.set(mac1);
    const attempt: Attempt = {
      handshakeId,
      datagram,
      mac1,
      mac2: parts.mac2,
      digest,
      ephemeral,
      noise,
      sent: 0,
      sentAt: 0,
    };
    this.#prove(attempt);
    return attempt;
  }

  /** Puts the proof in that the newest cookie allows. */
  #prove(attempt: Attempt): void {
    if (this.#cookie !== undefined) attempt.mac2.set(proofOf(this.#config.crypto, this.#cookie, attempt));
  }

  #attemptOf(handshakeId: Uint8Array): Attempt | undefined {
    return this.#attempts.find((attempt) => this.#config.crypto.equal(attempt.handshakeId, handshakeId));
  }

  #handleResponse(bytes: Uint8Array, begin: number, end: number, now: number): HandshakeResult | undefined {
    const { crypto, seed, staticKeys, suites, params, isSessionIdTaken, peerNodeId } = this.#config;
    const parts = handshakeParts(bytes, begin, end);
    const attempt = parts === undefined ? undefined : this.#attemptOf(parts.handshakeId);
    if (parts === undefined || attempt === undefined) return undefined;
    // Cheap checks first: a forger without the seed costs no DH.
    if (!crypto.equal(responseMac1(crypto, seed, attempt.mac1, parts), parts.mac1)) return undefined;
    if (crypto.equal(parts.noiseMessage.subarray(0, 32), attempt.ephemeral.publicKey)) return undefined;

    // On a copy, so that a good answer still counts after a bad one (STT §4).
    const noise = attempt.noise.clone();
    const payload = noise.read(parts.noiseMessage);
    if (payload === undefined) return undefined;
    const peer = noise.remoteStatic!;
    if (crypto.equal(peer, staticKeys.publicKey)) {
      this.#hint = 'ERR_STT_HANDSHAKE_SELF';
      return undefined;
    }
    if (peerNodeId !== undefined && !crypto.equal(peer, peerNodeId)) {
      this.#hint = 'ERR_STT_PEER_MISMATCH';
      return undefined;
    }
    const response = parseResponsePayload(payload);
    if (response === undefined || response.version !== PROTOCOL_VERSION) return undefined;
    const suite = suites.find((offered) => offered === response.suite);
    if (suite === undefined) return undefined;
    if (isSessionIdTaken(response.sessionId)) {
      // Starts over (STT §4), when a HELLO is due anyway: so no peer can make it send faster.
      this.#restartAt = this.#nextSendAt;
      return undefined;
    }
    const { hash, k1, k2 } = noise.split();
    return {
      role: 'initiator',
      sessionId: response.sessionId,
      sessionKey: sessionKeyOf(crypto, hash, k1, k2),
      suite,
      peerNodeId: peer,
      localParams: params,
      peerParams: response.params,
      resetToken: response.resetToken,
      // Of a HELLO sent twice nobody knows which one was answered.
      handshakeRttMs: attempt.sent === 1 ? now - attempt.sentAt : undefined,
      seedIndex: 0,
    };
  }

  /** The peer is under load, or does not trust the timestamp: the same HELLO is sent again, with a proof. */
  #handleCookie(bytes: Uint8Array, begin: number, end: number, now: number): boolean {
    const { crypto, seed, onCookie } = this.#config;
    const handshakeId = sealedReplyParts(bytes, begin, end)?.handshakeId;
    const attempt = handshakeId && this.#attemptOf(handshakeId);
    const cookie = attempt && openCookieReply(crypto, seed.cookieKey, attempt.mac1, bytes, begin, end);
    if (attempt === undefined || cookie === undefined) return false;
    this.#cookie = cookie;
    this.#prove(attempt);
    onCookie?.(cookie);
    // The one that is answered is the next, so its round trip can be told.
    if (attempt.sent === 1) attempt.sent = 0;
    const at = Math.max(now, this.#provedAt + COOKIE_INTERVAL_MS);
    if (at <= this.#nextSendAt) this.#nextSendAt = this.#provedAt = at;
    return true;
  }

  /** Somebody with the seed says that the peer speaks other versions. */
  #handleVersions(bytes: Uint8Array, begin: number, end: number): void {
    const { crypto, seed } = this.#config;
    const parts = sealedReplyParts(bytes, begin, end);
    const attempt = parts === undefined ? undefined : this.#attemptOf(parts.handshakeId);
    if (parts === undefined || attempt === undefined) return;
    const opened = crypto.openXaes256Gcm(seed.cookieKey, parts.nonce, attempt.mac1, parts.sealed);
    const versions = opened === undefined ? undefined : parseVersionList(opened);
    if (versions !== undefined && !versions.includes(PROTOCOL_VERSION)) this.#hint = 'ERR_STT_VERSION';
  }
}
