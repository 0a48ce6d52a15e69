import { HandshakeType, MIN_DATAGRAM, PROTOCOL_VERSION, SESSION_ID_OCTETS } from '../../constants.js';
import type { CryptoProvider, KeyPair, Suite } from '../../ports/crypto.js';
import {
  assembleResponse,
  assembleSealedReply,
  encodeVersionList,
  handshakeParts,
  PADDED_RESPONSE_PAYLOAD,
  parseHelloPayload,
  REPLY_NONCE_OCTETS,
  RESET_TOKEN_OCTETS,
  type HandshakeParts,
  type HelloPayload,
  type TransportParams,
} from '../../wire/handshake-messages.js';
import { isConnection } from '../../wire/address.js';
import { encodeCookieReply, isProven, makeCookie } from '../../wire/cookies.js';
import { ResponsePayloads } from '../../wire/handshake-payloads.js';
import { sessionKeyOf } from '../key-schedule.js';
import type { NoiseHandshake, NoiseProtocol } from '../noise.js';
import { CookieSecrets } from './cookie-secrets.js';
import { DEFAULT_HALF_OPEN_LIMITS, HalfOpenTable, type HalfOpen, type HalfOpenLimits } from './half-open-table.js';
import { DEFAULT_HANDSHAKE_RATES, HandshakeBudget, type HandshakeRates } from './handshake-budget.js';
import type { HandshakeResult } from './handshake-result.js';
import { DEFAULT_LOAD_LIMITS, LoadMonitor, type LoadLimits } from './load-monitor.js';
import { responseMac1 } from './macs.js';
import { freshKeyPair, ixpsk0, startNoise } from './noise-ixpsk0.js';
import { SeenHellos } from './seen-hellos.js';
import type { SeedKeys } from './seed-keys.js';
import { chooseSuite } from './suites.js';
import { TokenBucket } from './token-bucket.js';

/** Times an answer is sent to a HELLO that comes again: more than an initiator sends one (STT §4). */
const MAX_ANSWERS = 32;
/** VERSIONS at most so often: it costs cryptography, and is told to whoever has the seed. */
const VERSIONS_INTERVAL_MS = 100;
/** COOKIE_REPLY to old timestamps at most so often a second: a clock that was set back is rare (STT §4, step 6). */
const OLD_COOKIE_RATE = 200;
/** Octets of an address that are not its port and scope. */
const HOST_OCTETS = 16;
const NO_SECRETS: readonly Uint8Array[] = [];
const NONE_REFUSED = (): number => 0;
const VERSIONS: readonly number[] = [PROTOCOL_VERSION];

export interface ResponderConfig {
  readonly crypto: CryptoProvider;
  /** Where ephemeral key pairs come from that were made ahead; each is given once. Default: made when needed. */
  readonly ephemeralKeys?: (() => KeyPair | undefined) | undefined;
  /** The ring, in the order of `PacketEngine.setMac1Keys`. */
  readonly seeds: readonly SeedKeys[];
  readonly staticKeys: KeyPair;
  readonly params: TransportParams;
  /** What this side accepts; see `preferredSuites`. */
  readonly suites: readonly Suite[];
  /** True for an id that this node uses for any session. */
  readonly isSessionIdTaken: (sessionId: Uint8Array) => boolean;
  /** Called when a half-open session is given up: expired or evicted. Its slot in the engine is to be closed. */
  readonly onDiscard: (sessionId: Uint8Array) => void;
  /** False: this peer gets no answer. */
  readonly authorize?: ((peerNodeId: Uint8Array) => boolean) | undefined;
  /** Key of the stateless-reset tokens (STT §5); without one they are random, and never used. */
  readonly resetKey?: Uint8Array | undefined;
  /**
   * Called when load begins, when it ends, and when secrets change meanwhile: whoever sees HELLOs first may refuse those
   * without a cookie under one of `secrets`. None: all are to come here.
   */
  readonly onLoad?: ((secrets: readonly Uint8Array[]) => void) | undefined;
  /** HELLOs that were refused there, in total. */
  readonly refusedBefore?: (() => number) | undefined;
  readonly limits?:
    | Partial<HalfOpenLimits & HandshakeRates & { readonly maxSeen: number; readonly load: Partial<LoadLimits> }>
    | undefined;
}

/** What is to be done about a HELLO. */
export interface HelloOutcome {
  /** A datagram to send to `replyAddress`. */
  readonly reply: Uint8Array;
  readonly replyAddress: Uint8Array;
  /**
   * Makes a half-open session of a HELLO that was not answered before: its keys go into the packet engine; nothing is
   * told to the application before `confirm`. To be called once, and at once, but after the reply is on its way: what
   * it computes the initiator need not wait for.
   */
  readonly open: (() => HandshakeResult) | undefined;
}

/** What became of the HELLOs of a node. */
export interface ResponderStats {
  /** Answered for the first time. */
  readonly answered: number;
  /** Answered again, from memory. */
  readonly repeated: number;
  /** Malformed, not authentic, own or refused key, bad parameters, no version or suite in common. */
  readonly refused: number;
  /** Known already, and not to be answered again. */
  readonly replayed: number;
  /** Under load, or with too old a timestamp: what asks for a proof of the sender's address. */
  readonly unproven: number;
  /** No room, or over a rate. */
  readonly limited: number;
}

/** The answering side of all handshakes of a node (STT §4): one for each node. */
export class HandshakeResponder {
  readonly #config: ResponderConfig;
  readonly #protocol: NoiseProtocol;
  readonly #halfOpen: HalfOpenTable;
  readonly #seen: SeenHellos;
  readonly #payloads: ReadonlyMap<Suite, ResponsePayloads>;
  readonly #stats = { answered: 0, repeated: 0, refused: 0, replayed: 0, unproven: 0, limited: 0 };
  readonly #cookies: CookieSecrets;
  readonly #oldCookies = new TokenBucket(OLD_COOKIE_RATE);
  readonly #load: LoadMonitor;
  readonly #budget: HandshakeBudget;
  /** Secrets that `onLoad` was told. */
  #told: readonly Uint8Array[] = NO_SECRETS;
  #versionsAt = -Infinity;
  /** Under load whatever the figures say. */
  forcedLoad = false;

  /** @throws STTConfigError `ERR_STT_OPTION_RANGE` if the parameters are out of range or do not fit an answer */
  constructor(config: ResponderConfig) {
    this.#config = config;
    const { params } = config;
    this.#payloads = new Map(
      config.suites.map((suite) => [
        suite,
        new ResponsePayloads({ version: PROTOCOL_VERSION, suite, params }, PADDED_RESPONSE_PAYLOAD),
      ]),
    );
    this.#protocol = ixpsk0(config.crypto);
    const limits = { ...DEFAULT_HALF_OPEN_LIMITS, ...config.limits };
    this.#seen = new SeenHellos(config.limits?.maxSeen);
    this.#cookies = new CookieSecrets(config.crypto);
    this.#load = new LoadMonitor({ ...DEFAULT_LOAD_LIMITS, ...config.limits?.load });
    this.#budget = new HandshakeBudget({ ...DEFAULT_HANDSHAKE_RATES, ...config.limits });
    this.#halfOpen = new HalfOpenTable(limits, (entry) => {
      // Its initiator may come again with the same HELLO (STT §4).
      this.#seen.forget(entry.mac1);
      this.#config.onDiscard(entry.result.sessionId);
    });
  }

  /** Answered HELLOs whose first packet is awaited. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  stats(): ResponderStats {
    return { ...this.#stats };
  }

  /**
   * Takes a HELLO in whose mac1 verified under seed `seedIndex`. Undefined: silence, whatever the reason.
   * @param address - of the sender, ADDRESS_OCTETS; a copy is kept
   * @param wallClockMicros - microseconds since the epoch
   */
  handleHello(
    bytes: Uint8Array,
    begin: number,
    end: number,
    seedIndex: number,
    address: Uint8Array,
    now: number,
    wallClockMicros: number,
  ): HelloOutcome | undefined {
    // The order of STT §4; its steps 1 and 2 were done before, but for what the types have to know.
    const seed = this.#config.seeds[seedIndex];
    const parts = end - begin === MIN_DATAGRAM ? handshakeParts(bytes, begin, end) : undefined;
    if (seed === undefined || parts === undefined || parts.mac2.length === 0) return this.#refuse();

    this.#load.noteHello(now);
    const isUnderLoad = this.#watchLoad(now);

    // 3
    const mac1 = binary(parts.mac1);
    const known = this.#halfOpen.byMac1(mac1);
    if (known !== undefined && known.answers < MAX_ANSWERS) {
      known.answers++;
      this.#stats.repeated++;
      return { reply: known.reply, replyAddress: known.address, open: undefined };
    }
    if (known !== undefined || this.#seen.has(mac1)) {
      this.#stats.replayed++;
      return undefined;
    }

    // 4
    const proven = this.#isProven(parts, address, now);
    // Who has opened a connection has shown where it is.
    if (isUnderLoad && !proven && !isConnection(address)) {
      return this.#askForProof(seed, parts, address, now);
    }

    // 5
    const noise = startNoise(
      this.#config.crypto,
      this.#protocol,
      false,
      parts.handshakeId,
      seed.psk,
      this.#config.staticKeys,
    );
    const payload = noise.read(parts.noiseMessage);
    const hello = payload === undefined ? undefined : parseHelloPayload(payload);
    if (hello === undefined || !this.#isWelcome(noise.remoteStatic!)) return this.#refuse();
    // No downgrade: both speak a later version than this HELLO is of (STT §4).
    if (hello.versions.some((version) => version > hello.version && VERSIONS.includes(version))) return this.#refuse();
    if (!VERSIONS.includes(hello.version)) return this.#answerVersions(seed, parts, address, now);
    const suite = chooseSuite(this.#config.suites, hello.suites);
    if (suite === undefined) return this.#refuse();

    // 6
    const peer = binary(noise.remoteStatic!);
    if (!proven && hello.timestampMicros <= this.#seen.floor(peer, wallClockMicros)) {
      if (this.#oldCookies.take(now)) return this.#askForProof(seed, parts, address, now);
      return this.#limit();
    }

    // 7
    const host = binary(address.subarray(0, HOST_OCTETS));
    if (!this.#budget.take(host, now) || !this.#halfOpen.makeRoom(host, now)) return this.#limit();
    if (!this.#seen.remember(mac1, peer, hello.timestampMicros, now, proven)) {
      return this.#askForProof(seed, parts, address, now);
    }
    this.#load.noteWork(now);
    return this.#answer(noise, hello, suite, seedIndex, parts, { mac1, host, address, now });
  }

  /**
   * The first packet of a half-open session opened: it is a session now (step 8). The result is that of `opened`, with
   * the round trip. Undefined if there is none of this id.
   */
  confirm(sessionId: Uint8Array, now: number): HandshakeResult | undefined {
    const entry = this.#halfOpen.bySessionId(binary(sessionId));
    if (entry === undefined) return undefined;
    this.#halfOpen.delete(entry);
    this.#seen.confirm(entry.mac1);
    return { ...entry.result, handshakeRttMs: entry.answers === 1 ? now - entry.at : undefined };
  }

  /** Absolute time at which `expire` wants to be called; Infinity: not at all. */
  pollTimeout(): number {
    return Math.min(this.#halfOpen.nextExpiry(), this.#seen.nextExpiry(), this.#load.nextTimeout());
  }

  /** Gives up half-open sessions that were not confirmed in time, and forgets what is too old to matter. */
  expire(now: number): void {
    let entry: HalfOpen | undefined;
    while ((entry = this.#halfOpen.popExpired(now)) !== undefined) this.#config.onDiscard(entry.result.sessionId);
    this.#seen.expire(now);
    this.#load.onTimeout(now, this.#config.refusedBefore ?? NONE_REFUSED);
    this.#watchLoad(now);
  }

  /** True while HELLOs are answered only if they prove their sender's address (STT §4, step 4). */
  isUnderLoad(now: number): boolean {
    return this.forcedLoad || this.#load.isUnderLoad(now, this.#halfOpen.size);
  }

  /** As `isUnderLoad`, and tells whoever sees HELLOs first. */
  #watchLoad(now: number): boolean {
    const isUnderLoad = this.isUnderLoad(now);
    const secrets = isUnderLoad ? this.#cookies.at(now) : NO_SECRETS;
    if (secrets !== this.#told) {
      this.#told = secrets;
      this.#config.onLoad?.(secrets);
    }
    return isUnderLoad;
  }

  #isProven({ handshakeId, authenticated, mac1, mac2 }: HandshakeParts, address: Uint8Array, now: number): boolean {
    // Most HELLOs have none: no hash for those.
    if (mac2.every((octet) => octet === 0)) return false;
    const { crypto } = this.#config;
    const digest = crypto.sha256(handshakeId, authenticated);
    return isProven(crypto, this.#cookies.at(now), address, { digest, mac1 }, mac2);
  }

  #refuse(): undefined {
    this.#stats.refused++;
    return undefined;
  }

  /** Silence: the initiator comes again by itself. */
  #limit(): undefined {
    this.#stats.limited++;
    return undefined;
  }

  /** COOKIE_REPLY: smaller than the HELLO, and of use only to who receives at its address. */
  #askForProof(seed: SeedKeys, parts: HandshakeParts, address: Uint8Array, now: number): HelloOutcome {
    this.#stats.unproven++;
    const { crypto } = this.#config;
    const cookie = makeCookie(crypto, this.#cookies.at(now)[0]!, address);
    const reply = encodeCookieReply(crypto, seed.cookieKey, parts.handshakeId, parts.mac1, cookie);
    return { reply, replyAddress: address.slice(), open: undefined };
  }

  /** Two processes of one identity, or one's own message come back, make no session (STT §4). */
  #isWelcome(peerNodeId: Uint8Array): boolean {
    const { crypto, staticKeys, authorize } = this.#config;
    return !crypto.equal(peerNodeId, staticKeys.publicKey) && (authorize === undefined || authorize(peerNodeId));
  }

  #answerVersions(seed: SeedKeys, parts: HandshakeParts, address: Uint8Array, now: number): HelloOutcome | undefined {
    this.#stats.refused++;
    if (now < this.#versionsAt + VERSIONS_INTERVAL_MS) return undefined;
    this.#versionsAt = now;
    const { crypto } = this.#config;
    const nonce = crypto.randomBytes(REPLY_NONCE_OCTETS);
    const sealed = crypto.sealXaes256Gcm(seed.cookieKey, nonce, parts.mac1, encodeVersionList(VERSIONS));
    const reply = assembleSealedReply(HandshakeType.VERSIONS, parts.handshakeId, nonce, sealed);
    return { reply, replyAddress: address.slice(), open: undefined };
  }

  #answer(
    noise: NoiseHandshake,
    hello: HelloPayload,
    suite: Suite,
    seedIndex: number,
    parts: HandshakeParts,
    from: { readonly mac1: string; readonly host: string; readonly address: Uint8Array; readonly now: number },
  ): HelloOutcome | undefined {
    const { crypto, seeds, params } = this.#config;
    const sessionId = this.#freshSessionId();
    const resetToken = this.#resetToken(sessionId);
    const payload = this.#payloads.get(suite)!.encode(sessionId, resetToken);
    const ephemeral = this.#config.ephemeralKeys?.() ?? freshKeyPair(crypto);
    const message = noise.write(payload, ephemeral);
    ephemeral.destroy();
    if (message === undefined) return this.#refuse();
    const reply = assembleResponse(parts.handshakeId, message);
    const replyParts = handshakeParts(reply, 0, reply.length)!;
    replyParts.mac1.set(responseMac1(crypto, seeds[seedIndex]!, parts.mac1, replyParts));

    const address = from.address.slice();
    const { mac1, host, now } = from;
    this.#stats.answered++;
    const open = (): HandshakeResult => {
      const { hash, k1, k2 } = noise.split();
      const result: HandshakeResult = {
        role: 'responder',
        sessionId,
        sessionKey: sessionKeyOf(crypto, hash, k1, k2),
        suite,
        peerNodeId: noise.remoteStatic!,
        localParams: params,
        peerParams: hello.params,
        resetToken,
        handshakeRttMs: undefined,
        seedIndex,
      };
      this.#halfOpen.add({ mac1, host, address, reply, sessionId: binary(sessionId), result, at: now, answers: 1 });
      return result;
    };
    return { reply, replyAddress: address, open };
  }

  #freshSessionId(): Uint8Array {
    for (;;) {
      const id = this.#config.crypto.randomBytes(SESSION_ID_OCTETS);
      if (this.#halfOpen.bySessionId(binary(id)) === undefined && !this.#config.isSessionIdTaken(id)) return id;
    }
  }

  #resetToken(sessionId: Uint8Array): Uint8Array {
    const { crypto, resetKey } = this.#config;
    if (resetKey === undefined) return crypto.randomBytes(RESET_TOKEN_OCTETS);
    return crypto.hmacSha256(resetKey, sessionId).slice(0, RESET_TOKEN_OCTETS);
  }
}

/** Octets as a key of a Map. */
function binary(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}
