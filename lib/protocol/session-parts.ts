import { AckTracker } from './ack-tracker.js';
import { ControlQueue } from './control-queue.js';
import type { ControlStream } from './control-stream.js';
import { FrameFates } from './frame-fates.js';
import { FrameReceiver, type FrameReceiverHost } from './frame-receiver.js';
import { Lifetime } from './lifetime.js';
import type { KeyRatchet } from './key-ratchet.js';
import { Messages } from './messages.js';
import { Outbox } from './outbox.js';
import { sealLimit } from './seal-limit.js';
import type { Numbers, Recovery } from './sending.js';
import type { PathProfile } from './path-profile.js';
import type { SessionConfig } from './session-config.js';
import { firstRotationAt, isFirstKeyWorn, SessionRotation } from './session-rotation.js';
import { fixedMtu, type MtuParts, type SessionMtu } from './session-mtu.js';
import { singlePath } from './single-path.js';
import type { PathParts, SessionPaths } from './session-paths.js';
import { SinglePackets } from './single-packets.js';
import { Streams } from './streams.js';
import { Transmitter } from './transmitter.js';

const NOTHING: readonly never[] = [];

/** The machines a session is composed of, wired to one another. */
export class SessionParts implements PathParts, MtuParts {
  readonly control: ControlQueue;
  readonly streams: Streams;
  readonly messages: Messages;
  readonly recovery: Recovery;
  readonly acks: AckTracker;
  readonly lifetime: Lifetime;
  readonly outbox: Outbox;
  readonly paths: SessionPaths;
  readonly mtu: SessionMtu;
  readonly transmitter: Transmitter;
  readonly receiver: FrameReceiver;
  /** Undefined until it is used. */
  controlStream: ControlStream | undefined;
  /** Undefined until the keys are to be changed. */
  ratchet: KeyRatchet | undefined;
  /** When it is needed by all means. */
  ratchetAt = Infinity;
  readonly #config: SessionConfig;
  readonly #datagrams: PathProfile;
  readonly #connection: PathProfile;
  readonly #numbers: Numbers;
  readonly #sealLimit: number;

  constructor(config: SessionConfig, host: FrameReceiverHost) {
    this.#config = config;
    const { localParams, peerParams, limits, now, observer, initialPacketSize } = config;
    const path = config.path ?? 0;
    this.#datagrams = {
      packetSize: Math.min(initialPacketSize, peerParams.maxUdpPayload),
      congestion: config.congestion,
      ecn: config.ecn,
    };
    this.#connection = config.connection ?? this.#datagrams;
    const maxPacketSize = Math.min(config.maxPacketSize ?? initialPacketSize, peerParams.maxUdpPayload);
    const profile = this.profileOf(path);
    const { packetSize } = profile;
    this.control = new ControlQueue(limits, observer, config.announcements ?? NOTHING);
    this.streams = new Streams(config, this.control);
    this.messages = new Messages(observer, peerParams.maxDatagram, limits.sendQueueOctets);
    this.mtu = (config.mtu ?? fixedMtu)(this, { ...config, maxPacketSize });
    const { numbers, pacer, received, recovery, runs } = config.sending({
      now,
      observer: new FrameFates(this),
      random: config.random,
      ...profile,
      peerMaxAckDelayMs: peerParams.maxAckDelayMs,
      path,
      detector: this.mtu.detector,
      ...(config.handshakeRttMs === undefined ? {} : { handshakeRttMs: config.handshakeRttMs }),
    });
    this.recovery = recovery;
    this.control.ackRate = recovery.ackRate;
    this.acks = new AckTracker(localParams.maxAckDelayMs, received);
    this.lifetime = new Lifetime(now, localParams.idleTimeoutMs, peerParams.idleTimeoutMs, config.keepAliveMs ?? 0);
    const limit = Math.min(
      limits.maxSealedPackets,
      sealLimit(config.suite, Math.max(packetSize, this.#connection.packetSize, maxPacketSize)),
    );
    this.outbox = new Outbox(packetSize, path, limit, recovery, numbers, pacer, this.lifetime);
    const { paths = singlePath, pathHost, random } = config;
    this.mtu.onPath(packetSize, path);
    this.paths = paths(now, path, this, pathHost, random, limits.maxPathResponses);
    this.#numbers = numbers;
    this.#sealLimit = limit;
    if (config.rotation !== undefined) this.ratchetAt = firstRotationAt(config.rotation, config.role, now);
    const bulk = runs(this.streams, this.outbox);
    const singles = new SinglePackets(this, bulk === undefined);
    this.transmitter = new Transmitter(recovery, this.outbox, this.paths, this.mtu, singles, bulk, this.streams);
    this.receiver = new FrameReceiver(this, observer, localParams.maxDatagram, host);
  }

  /** The ratchet if there is one, or there has to be; undefined if the keys are never changed. */
  ratchetIfDue(now: number): KeyRatchet | undefined {
    const { rotation } = this.#config;
    if (this.ratchet !== undefined || rotation === undefined) return this.ratchet;
    if (now < this.ratchetAt && !isFirstKeyWorn(rotation, this.outbox, this.#sealLimit)) return undefined;
    return this.startRatchet(now);
  }

  startRatchet(now: number): KeyRatchet | undefined {
    const { now: openedAt, role, rotation } = this.#config;
    if (this.ratchet !== undefined || rotation === undefined) return this.ratchet;
    this.ratchet = new SessionRotation(rotation, role, openedAt, this.#sealLimit, this.#numbers, this).ratchet;
    this.ratchet.now = now;
    this.ratchetAt = Infinity;
    return this.ratchet;
  }

  /** No keys are changed any more. */
  endRotation(): void {
    this.ratchetAt = Infinity;
    this.ratchet?.end();
    this.#config.rotation?.sessionKey.fill(0);
  }

  /** @internal Messages that wait may not fit any more. */
  onSmallerPackets(): void {
    this.messages.onRoom(this.outbox.room);
  }

  /** @internal What packets on a path are like at first. */
  profileOf(path: number): PathProfile {
    return this.#config.pathHost?.isConnection(path) === true ? this.#connection : this.#datagrams;
  }
}
