import { CloseCode } from '../constants.js';
import type { CryptoProvider } from '../ports/crypto.js';
import type { KemAnswer } from '../ports/kem.js';
import { Marks } from '../ports/packet-engine.js';
import type { RotationHost } from '../ports/rotation-host.js';
import { ControlMessage, encodeRotationBody, LAST_PHASE, parseRotationBody } from '../wire/rotation-messages.js';
import type { ControlMessageHandler } from './control-stream.js';
import { derivePhaseKeys, nextSessionKey } from './key-schedule.js';
import { POLICY_GAP_MS, RETRY_GAP_MS, STORM_GAP_MS, URGENT_GAP_MS, type RotationPolicy } from './rotation-policy.js';
import * as Step from './rotation-step.js';

const NOTHING = new Uint8Array(0);

/*
 *            requester                                        the other side
 *
 *   IDLE -> GENERATING -> REQUESTED ---- KEY_REQUEST ---->  IDLE -> ENCAPSULATING
 *           DECAPSULATING           <--- KEY_RESPONSE ----          CONFIRMING: takes both phases, seals in the old one
 *           CONFIRMING  ---- packets of the new phase ---->         seals in the new one
 *   IDLE <- opened one, and one of its own acknowledged <-----------> IDLE
 */

/** What the ratchet needs of the session that it is part of. */
export interface RatchetLink {
  /** Queues a message on the control stream; false if too much waits there. */
  sendMessage(type: number, body: Uint8Array): boolean;
  /** From now on packets are sealed in the new phase. Gives the number of the first one. */
  onSendPhase(): number;
  requestPing(): void;
  /** Largest packet number acknowledged. */
  readonly largestAcked: number;
  readonly ptoMs: number;
}

export interface RatchetConfig {
  readonly role: 'initiator' | 'responder';
  readonly now: number;
  readonly crypto: CryptoProvider;
  /** Of phase 0. The ratchet owns it, and wipes it. */
  readonly sessionKey: Uint8Array;
  readonly policy: RotationPolicy;
  /** Packets that one key may seal. */
  readonly sealLimit: number;
  readonly host: RotationHost;
  readonly link: RatchetLink;
}

/**
 * Rotation of the keys of a session: a ratchet that each time takes in a fresh ML-KEM-768 exchange (STT §5). What it is
 * told comes from packets whose tags verified; it computes no ML-KEM itself, and asks one question at a time.
 */
export class KeyRatchet implements ControlMessageHandler {
  /** Time of the call at hand; set before messages are handled. */
  now: number;
  /** What was wrong with what the peer sent. */
  why = '';
  /** Rotations begun by this side and by the peer that came to an end. */
  ownRotations = 0;
  peerRotations = 0;
  readonly #config: RatchetConfig;
  #sessionKey: Uint8Array;
  #phase = 0;
  #step: Step.Kind = Step.IDLE;
  /** Number of the question that waits for its answer; answers to others are of no use any more. */
  #question = 0;
  #privateKey: unknown;
  /** Bodies of the messages under way. */
  #request: Uint8Array = NOTHING;
  #response: Uint8Array = NOTHING;
  #isOwn = false;
  /** A packet of the current phase was opened. */
  #opened = true;
  #firstSealed = 0;
  /** When to drop the keys of the phase before. */
  #dropAt = Infinity;
  #isWanted = false;
  /** The key has sealed as much as the policy wants, or nearly as much as it may. */
  #isWorn = false;
  #isUrgent = false;
  #firstAt: number;
  #phaseSince: number;
  /** When the last rotation ended. */
  #settledAt = -Infinity;
  #notBefore = -Infinity;
  #answeredAt = -Infinity;

  constructor(config: RatchetConfig) {
    this.#config = config;
    this.now = config.now;
    this.#sessionKey = config.sessionKey;
    this.#phaseSince = config.now;
    this.#firstAt = config.role === 'initiator' ? config.now + config.policy.firstAfterMs : Infinity;
  }

  /** Phase of the newest keys. */
  get phase(): number {
    return this.#phase;
  }

  /** A rotation is under way. */
  get isRotating(): boolean {
    return this.#step !== Step.IDLE;
  }

  /** The policy wants other keys. */
  shouldRotate(now: number): boolean {
    return this.#isWorn || this.#isUrgent || now >= this.#policyTime();
  }

  /** The application wants other keys. If a rotation is under way, that is the one. */
  request(): void {
    if (this.#step === Step.IDLE) this.#isWanted = true;
  }

  /** When `onTimeout` wants to be called: absolute ms or Infinity. */
  get deadline(): number {
    return this.#step === Step.IDLE && this.#dropAt === Infinity ? this.#startTime() : this.#dropAt;
  }

  onTimeout(now: number): void {
    if (now >= this.#dropAt) {
      this.#dropAt = Infinity;
      this.#config.host.dropOldKeys();
    }
    this.#startIfDue(now);
  }

  /** Begins a rotation if it is time; `packets` and `octets` were sealed under the key in use. */
  poll(now: number, packets: number, octets: number): void {
    const { afterOctets, afterPackets } = this.#config.policy;
    this.#isWorn = packets >= afterPackets || octets >= afterOctets;
    this.#isUrgent = packets >= this.#config.sealLimit / 2;
    this.#startIfDue(now);
  }

  /** A packet came, sealed in this phase (`Marks`). */
  onPacketPhase(now: number, phase: number): void {
    if (this.#step !== Step.CONFIRMING || this.#opened || phase !== (this.#phase & Marks.PHASE_MASK)) return;
    this.#opened = true;
    this.#dropAt = now + 3 * this.#config.link.ptoMs;
    // Who answered goes over to the new phase now.
    if (!this.#isOwn) this.#sealInNewPhase();
  }

  /** A batch of packets was handled. */
  onBatchEnd(now: number): void {
    if (this.#step !== Step.CONFIRMING || !this.#opened) return;
    if (this.#config.link.largestAcked >= this.#firstSealed) this.#settle(now);
  }

  onControlMessage(type: number, bytes: Uint8Array, begin: number, end: number): number {
    if (type !== ControlMessage.KEY_REQUEST && type !== ControlMessage.KEY_RESPONSE) return CloseCode.NONE;
    const body = bytes.slice(begin, end);
    const message = parseRotationBody(type, body);
    if (message === undefined)
      return this.#refuse(CloseCode.FRAME_ENCODING, 'a message of key rotation of a wrong length');
    return type === ControlMessage.KEY_REQUEST
      ? this.#onRequest(message.phase, message.octets, body)
      : this.#onResponse(message.phase, message.octets, body);
  }

  /** What ML-KEM gave. Gives a close code. */
  onKemAnswer(now: number, question: number, answer: KemAnswer): number {
    this.now = now;
    if (question !== this.#question) {
      wipe(answer);
      return CloseCode.NONE;
    }
    switch (this.#step) {
      case Step.GENERATING:
        return this.#onKeyPair(now, answer);
      case Step.ENCAPSULATING: {
        if (answer.kind !== 'encapsulated') return this.#fail(answer, 'the peer sent an invalid public key');
        const response = encodeRotationBody(this.#phase + 1, answer.ciphertext);
        this.#turn(now, answer.secret, response);
        if (!this.#config.link.sendMessage(ControlMessage.KEY_RESPONSE, response)) {
          return this.#refuse(CloseCode.KEY_ROTATION, 'the control stream is full');
        }
        return CloseCode.NONE;
      }
      case Step.DECAPSULATING:
        if (answer.kind !== 'decapsulated') return this.#fail(answer, 'the peer sent an invalid ciphertext');
        this.#turn(now, answer.secret, this.#response);
        this.#sealInNewPhase();
        return CloseCode.NONE;
      default:
        return CloseCode.NONE;
    }
  }

  /** The session is over. */
  end(): void {
    this.#abandon();
    this.#step = Step.IDLE;
    this.#firstAt = this.#dropAt = this.#phaseSince = this.#notBefore = Infinity;
    this.#sessionKey.fill(0);
  }

  #onRequest(phase: number, publicKey: Uint8Array, body: Uint8Array): number {
    if (phase <= this.#phase) return CloseCode.NONE;
    if (phase !== this.#phase + 1) return this.#refuse(CloseCode.KEY_ROTATION, 'the peer skipped a key phase');
    switch (this.#step) {
      case Step.REQUESTED:
        // Both ask: the handshake's initiator is the one that is answered.
        if (this.#config.role === 'initiator') return CloseCode.NONE;
        break;
      case Step.ENCAPSULATING:
      case Step.DECAPSULATING:
        return this.#refuse(CloseCode.KEY_ROTATION, 'the peer asked for a key rotation during another one');
      case Step.CONFIRMING:
        // By asking for more the peer says that it has opened what we sent; but we must have opened what it sent.
        if (!this.#opened) return this.#refuse(CloseCode.KEY_ROTATION, 'the peer did not finish a key rotation');
        this.#settle(this.now);
        break;
      case Step.IDLE:
      case Step.GENERATING:
        break;
    }
    if (this.now - this.#answeredAt < STORM_GAP_MS) {
      return this.#refuse(CloseCode.KEY_ROTATION, 'the peer rotated its keys too often');
    }
    this.#answeredAt = this.now;
    this.#abandon();
    this.#isOwn = false;
    this.#request = body;
    this.#step = Step.ENCAPSULATING;
    this.#config.host.encapsulate(++this.#question, publicKey);
    return CloseCode.NONE;
  }

  #onResponse(phase: number, ciphertext: Uint8Array, body: Uint8Array): number {
    if (this.#step !== Step.REQUESTED || phase !== this.#phase + 1) {
      return this.#refuse(CloseCode.KEY_ROTATION, 'the peer answered a key rotation that nobody asked for');
    }
    this.#response = body;
    this.#step = Step.DECAPSULATING;
    const privateKey = this.#privateKey;
    this.#privateKey = undefined;
    this.#config.host.decapsulate(++this.#question, privateKey, ciphertext);
    return CloseCode.NONE;
  }

  #onKeyPair(now: number, answer: KemAnswer): number {
    const body = answer.kind === 'generated' ? encodeRotationBody(this.#phase + 1, answer.publicKey) : NOTHING;
    if (answer.kind === 'generated' && this.#config.link.sendMessage(ControlMessage.KEY_REQUEST, body)) {
      this.#privateKey = answer.privateKey;
      this.#request = body;
      this.#step = Step.REQUESTED;
      return CloseCode.NONE;
    }
    wipe(answer);
    // Nothing is lost yet: the keys in use go on, and if they are used up before this works, the session closes.
    this.#step = Step.IDLE;
    this.#isWanted = false;
    this.#notBefore = now + RETRY_GAP_MS;
    this.#config.host.onRotationFailed(answer.kind === 'failed' ? answer.why : 'the control stream is full');
    return CloseCode.NONE;
  }

  /** Derives the keys of the next phase; the peer may use them from now on. */
  #turn(now: number, secret: Uint8Array, response: Uint8Array): void {
    const { crypto, host, role } = this.#config;
    const next = nextSessionKey(crypto, this.#sessionKey, secret, this.#request, response);
    secret.fill(0);
    this.#sessionKey.fill(0);
    this.#sessionKey = next;
    this.#request = this.#response = NOTHING;
    const { send, receive } = derivePhaseKeys(crypto, role, next);
    host.installNextKeys(send, receive);
    for (const octets of [send.key, send.iv, receive.key, receive.iv]) octets.fill(0);
    this.#phase++;
    this.#phaseSince = now;
    this.#firstAt = Infinity;
    this.#isWanted = false;
    this.#opened = false;
    this.#firstSealed = Infinity;
    this.#step = Step.CONFIRMING;
  }

  #sealInNewPhase(): void {
    this.#config.host.switchSendKeys();
    this.#firstSealed = this.#config.link.onSendPhase();
    this.#isWorn = this.#isUrgent = false;
    // Even if there is nothing to say: the answer is what ends the rotation on this side, and has it go on on the other.
    this.#config.link.requestPing();
  }

  #settle(now: number): void {
    this.#step = Step.IDLE;
    this.#settledAt = now;
    if (this.#isOwn) this.ownRotations++;
    else this.peerRotations++;
    this.#config.host.onKeysRotated(this.#phase);
  }

  #startIfDue(now: number): void {
    if (this.#step !== Step.IDLE || this.#dropAt !== Infinity || now < this.#startTime()) return;
    this.#isOwn = true;
    this.#step = Step.GENERATING;
    this.#config.host.generate(++this.#question);
  }

  /** When a rotation may begin that is wanted, or will be. */
  #startTime(): number {
    if (this.#phase >= LAST_PHASE) return Infinity;
    const urgent = Math.max(this.#settledAt + URGENT_GAP_MS, this.#notBefore);
    if (this.#isWanted || this.#isUrgent) return urgent;
    const gap = Math.max(this.#settledAt + POLICY_GAP_MS, this.#notBefore);
    return this.#isWorn ? gap : Math.max(gap, this.#policyTime());
  }

  #policyTime(): number {
    return Math.min(this.#firstAt, this.#phaseSince + this.#config.policy.afterMs);
  }

  /** Gives up what this side has begun. */
  #abandon(): void {
    this.#question++;
    if (this.#privateKey instanceof Uint8Array) this.#privateKey.fill(0);
    this.#privateKey = undefined;
    this.#request = this.#response = NOTHING;
  }

  #fail(answer: KemAnswer, why: string): number {
    return this.#refuse(CloseCode.KEY_ROTATION, answer.kind === 'failed' ? answer.why : why);
  }

  #refuse(code: number, why: string): number {
    this.why = why;
    return code;
  }
}

/** Wipes what nobody needs any more. */
function wipe(answer: KemAnswer): void {
  if (answer.kind === 'encapsulated' || answer.kind === 'decapsulated') answer.secret.fill(0);
  else if (answer.kind === 'generated' && answer.privateKey instanceof Uint8Array) answer.privateKey.fill(0);
}
