import { MIN_DATAGRAM } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { PathHost, Wish } from '../ports/path-host.js';
import type { Random } from '../ports/random.js';
import { AMPLIFICATION, Path, TRIES } from './path.js';
import { sendPathFrame, writeChallenge, writeResponse } from './path-frames.js';
import type { PathParts, PathsFactory, SessionPaths } from './session-paths.js';

/** Paths beside the one in use (STT §7). */
const MAX_CANDIDATES = 4;
/** A new path is taken up at most so often (STT §7): whoever can make packets come from anywhere makes no work by it. */
const NEW_PATH_INTERVAL_MS = 100;
/** Another address is tried at most so often: the peer names it, and might name somebody else's. */
const ALTERNATIVE_INTERVAL_MS = 10_000;
/** How long a session whose path broke waits for another one, ms. */
const STRANDED_MS = 5_000;
/** A session on a connection asks for a better path so soon, then after twice as long each time, up to a bound, ms. */
const FIRST_LOOK_MS = 1_000;
const LAST_LOOK_MS = 60_000;
// Most sessions never move: shared, and never changed.
const NO_PATHS: Path[] = [];
const NO_RESPONSES: number[] = [];

/**
 * The path of a session and those it might move to (STT §7). The peer's newest packet from elsewhere is only a reason
 * to ask there and on the old path; data stays where it is until the new address has answered.
 *
 *   packet from elsewhere --> PATH_CHALLENGE there, and on the old path
 *        PATH_RESPONSE from there -----------> move
 *        newer packet from the old path -----> stay
 *        three challenges without an answer -> forget the new path
 *
 * This side moves in the same way to a path that its host knows of: when nothing comes back on the one in use, when that
 * breaks, and from a connection to a UDP address as soon as one answers.
 */
export class Paths implements SessionPaths {
  readonly #parts: PathParts;
  readonly #host: PathHost | undefined;
  readonly #random: Random;
  readonly #maxResponses: number;
  #active: Path;
  /** Oldest first. */
  #candidates: Path[] = NO_PATHS;
  /** Where the peer seems to have moved to. */
  #wanted: Path | undefined;
  /** It is wanted for being better, whatever comes in on the path in use. */
  #isBetter = false;
  /** It was found on this side: the peer is to follow. */
  #isOwn = false;
  /** The peer has not followed yet: what it still sends on the old path is no reason to go back, until then. */
  #leadsUntil = -Infinity;
  /** When a session on a connection looks for a better path again, and how long it waits after that. */
  #lookAt = Infinity;
  #lookWait = FIRST_LOOK_MS;
  /** The path in use broke: until then another one is waited for. */
  #strandedUntil = Infinity;
  #lastNew = -Infinity;
  #lastAlternative = -Infinity;
  /** Triples: path, and the token as two u32. */
  #responses: number[] | undefined;
  #isOver = false;
  /** Times the session moved. */
  moves = 0;

  /** `maxResponses`: PATH_RESPONSEs that wait to be sent; further challenges are not answered. */
  constructor(
    now: number,
    path: number,
    parts: PathParts,
    host: PathHost | undefined,
    random: Random,
    maxResponses: number,
  ) {
    this.#parts = parts;
    this.#host = host;
    this.#random = random;
    this.#maxResponses = maxResponses;
    this.#active = new Path(path, host?.isConnection(path) === true);
    if (this.#active.isConnection) this.#lookAt = now + this.#lookWait;
    // Only who received HELLO_RESP, or answered our HELLO, has the keys.
    this.#active.validated = true;
  }

  get active(): number {
    return this.#active.id;
  }

  /** Packets on the path in use need no look. */
  get isQuiet(): boolean {
    return this.#candidates.length === 0;
  }

  /** There is nothing to send on: the path in use broke. */
  get isStranded(): boolean {
    return this.#strandedUntil !== Infinity;
  }

  /** Nor is there another one being tried. */
  get isLost(): boolean {
    return this.isStranded && this.#wanted === undefined;
  }

  /** When `poll` has something to do, or a path is to be given up: absolute ms or Infinity. */
  get deadline(): number {
    let due = Math.min(this.#active.due, this.#lookAt, this.#strandedUntil);
    for (const path of this.#candidates) due = Math.min(due, path.due);
    return due;
  }

  /** Datagrams of `octets` in sum came in on a path. */
  onReceived(now: number, id: number, octets: number): void {
    if (id === this.#active.id) return;
    const path = this.#candidate(id) ?? this.#take(now, id);
    if (path !== undefined) path.received += octets;
  }

  /** The newest packet so far, which is no probe, came in on a path: the peer is there. */
  onNewest(now: number, id: number): void {
    if (id === this.#active.id) {
      this.#leadsUntil = -Infinity;
      if (this.#isBetter || this.isStranded) return;
      // It still sends from the old address: somebody else sent the other one on.
      this.#wanted?.settle();
      this.#wanted = undefined;
      this.#active.settle();
      return;
    }
    const path = this.#candidate(id);
    if (path === undefined || path === this.#wanted || now < this.#leadsUntil) return;
    this.#want(now, path, false);
    if (!this.isStranded) this.#active.challenge(now);
  }

  /** Nothing comes back on the path in use: asks whether the peer can be reached elsewhere, to move there if so. */
  onSilence(now: number): void {
    if (this.isStranded || (this.#wanted !== undefined && !this.#isBetter)) return;
    if (now < this.#lastAlternative + ALTERNATIVE_INTERVAL_MS) return;
    if (this.#seek(now, 'silent')) this.#lastAlternative = now;
  }

  /** Asks on a path that the host keeps already whether the peer is there, to move there if so. */
  tryPath(now: number, id: number): void {
    const known = id === this.#active.id ? this.#active : this.#candidate(id);
    const path = known ?? (!this.#isOver && this.#makeRoom() ? this.#add(id) : undefined);
    // It is kept once, or of no use.
    if (path === known) this.#host!.releasePath(id);
    if (path === undefined || path === this.#active) return;
    // Nothing need have come from there: the challenges are all that goes there before an answer.
    path.received += (TRIES * MIN_DATAGRAM) / AMPLIFICATION;
    this.#want(now, path, true);
  }

  /** A better path may be known by now. */
  lookSoon(now: number): void {
    if (this.#lookAt !== Infinity) this.#lookAt = now;
  }

  /** A connection broke. False if it was the path in use and there is nothing to hope for. */
  onGone(now: number, id: number): boolean {
    const path = this.#candidate(id);
    if (path !== undefined) this.#forget(path);
    if (id !== this.#active.id || this.isStranded) return true;
    this.#active.settle();
    this.#lookAt = Infinity;
    this.#strandedUntil = now + STRANDED_MS;
    this.#isBetter = false;
    return this.#wanted !== undefined || this.#seek(now, 'gone');
  }

  /** PATH_CHALLENGE came in on a path. */
  onChallenge(id: number, high: number, low: number): void {
    const known = this.#host === undefined || id === this.#active.id || this.#candidate(id) !== undefined;
    const responses = (this.#responses ??= []);
    if (!known || responses.length >= 3 * this.#maxResponses) return;
    const isActive = this.#host === undefined || id === this.#active.id;
    responses.push(isActive ? this.#active.id : id, high, low);
    // An attacker who is faster with our packets than we are shall not keep the session (RFC 9000 §9.3.3).
    // So something that is no probe goes out.
    if (isActive && this.#host !== undefined) this.#parts.control.wantPing = true;
  }

  /** PATH_RESPONSE came in, on whatever path. */
  onResponse(now: number, high: number, low: number): void {
    if (this.#active.isAnswer(high, low)) {
      this.#active.settle();
      return;
    }
    const path = this.#candidates.find((candidate) => candidate.isAnswer(high, low));
    if (path === undefined) return;
    path.validated = true;
    path.settle();
    if (path === this.#wanted) this.#move(now, path);
  }

  /** Gives up paths that did not answer. */
  onTimeout(now: number): void {
    if (this.#active.tries === 0 && this.#active.due <= now) this.#active.settle();
    for (const path of [...this.#candidates]) if (path.tries === 0 && path.due <= now) this.#forget(path);
    if (this.#lookAt <= now) {
      this.#lookAt = now + this.#lookWait;
      this.#lookWait = Math.min(2 * this.#lookWait, LAST_LOOK_MS);
      if (this.#wanted === undefined) this.#isBetter = this.#seek(now, 'better');
    }
    if (this.#strandedUntil <= now) {
      this.#strandedUntil = Infinity;
      this.#host!.onStranded();
    }
  }

  /** Sends the responses and challenges that are due. False if the sink is full. */
  poll(now: number, sink: PacketSink): boolean {
    const responses = this.#responses ?? NO_RESPONSES;
    while (responses.length > 0) {
      const [id, high, low] = [responses[0]!, responses[1]!, responses[2]!];
      const path = id === this.#active.id ? this.#active : this.#candidate(id);
      if (path !== undefined && !this.#send(now, sink, path, writeResponse(high, low))) {
        return false;
      }
      responses.splice(0, 3);
    }
    if (!this.isStranded && !this.#challenge(now, sink, this.#active)) return false;
    for (const path of this.#candidates) if (!this.#challenge(now, sink, path)) return false;
    return true;
  }

  /** The session is over: gives all paths back but the one in use. */
  end(): void {
    for (const path of this.#candidates) this.#host?.releasePath(path.id);
    this.#candidates = NO_PATHS;
    this.#wanted = undefined;
    this.#active.settle();
    this.#responses = undefined;
    this.#lookAt = this.#strandedUntil = Infinity;
    this.#isOver = true;
  }

  /** True if there is something to hope for. */
  #seek(now: number, why: Wish): boolean {
    // A connection that is still open from before needs no look; a UDP path from before may be better than none.
    const before = this.#candidates.filter((path) => path.validated);
    const spare = before.find((path) => path.isConnection) ?? (why === 'gone' ? before[0] : undefined);
    const found = why !== 'better' && spare?.isConnection === true ? 'later' : this.#host?.alternativePath(why);
    if (typeof found === 'number') this.tryPath(now, found);
    else if (why !== 'better' && spare !== undefined) this.#want(now, spare, true);
    return found !== undefined || (why !== 'better' && spare !== undefined);
  }

  #want(now: number, path: Path, isOwn: boolean): void {
    this.#wanted?.settle();
    this.#wanted = path;
    this.#isOwn = isOwn;
    this.#isBetter = false;
    path.challenge(now);
  }

  #challenge(now: number, sink: PacketSink, path: Path): boolean {
    if (path.due > now || path.tries === 0) return true;
    const [high, low] = [this.#random.u32(), this.#random.u32()];
    if (!this.#send(now, sink, path, writeChallenge(high, low))) return false;
    (path.tokens ??= []).push(high, low);
    path.tries--;
    path.due = now + this.#parts.recovery.pto;
    return true;
  }

  #send(now: number, sink: PacketSink, path: Path, length: number): boolean {
    const size = sendPathFrame(now, sink, this.#parts.outbox, path.id, length, path.budget);
    if (size < 0) return false;
    path.sent += size;
    return true;
  }

  #candidate(id: number): Path | undefined {
    for (const path of this.#candidates) if (path.id === id) return path;
    return undefined;
  }

  /** Takes up a new path, in place of one that nothing is expected of. */
  #take(now: number, id: number): Path | undefined {
    const host = this.#host;
    if (host === undefined || now < this.#lastNew + NEW_PATH_INTERVAL_MS) return undefined;
    if (!this.#makeRoom() || !host.keepPath(id)) return undefined;
    this.#lastNew = now;
    return this.#add(id);
  }

  /** Room for one more path, in place of one that nothing is expected of. */
  #makeRoom(): boolean {
    if (this.#candidates.length < MAX_CANDIDATES) return true;
    const spare = this.#candidates.find((path) => path !== this.#wanted);
    if (spare !== undefined) this.#forget(spare);
    return spare !== undefined;
  }

  #add(id: number): Path {
    const path = new Path(id, this.#host!.isConnection(id));
    if (this.#candidates === NO_PATHS) this.#candidates = [];
    this.#candidates.push(path);
    return path;
  }

  #forget(path: Path): void {
    if (path === this.#wanted) this.#wanted = undefined;
    this.#candidates.splice(this.#candidates.indexOf(path), 1);
    this.#host?.releasePath(path.id);
  }

  #move(now: number, path: Path): void {
    const host = this.#host;
    const old = this.#active;
    const gone = this.isStranded;
    this.#leadsUntil = this.#isOwn ? now + TRIES * this.#parts.recovery.pto : -Infinity;
    this.#candidates.splice(this.#candidates.indexOf(path), 1);
    old.settle();
    this.#wanted = undefined;
    this.#isBetter = false;
    this.#active = path;
    this.moves++;
    this.#strandedUntil = Infinity;
    this.#lookWait = FIRST_LOOK_MS;
    this.#lookAt = path.isConnection ? now + FIRST_LOOK_MS : Infinity;
    const restart = !host!.isSameHost(old.id, path.id);
    host!.onPathChanged(path.id);
    this.#goOver(now, path.id, restart, gone);
    // Kept: packets of it are in flight, and the peer may come back.
    if (gone) host!.releasePath(old.id);
    else this.#candidates.push(old);
  }

  /** All goes over another path from now on (STT §7); with `restart` nothing is known of it. */
  #goOver(now: number, id: number, restart: boolean, gone: boolean): void {
    const { acks, control, mtu, outbox, recovery } = this.#parts;
    const profile = this.#parts.profileOf(id);
    outbox.path = id;
    outbox.packetSize = profile.packetSize;
    recovery.onPathChanged(id, restart ? profile : undefined, gone, now);
    if (!restart) recovery.onPacketSize(profile.packetSize);
    mtu.onPath(profile.packetSize, id);
    this.#parts.onSmallerPackets();
    // What was acknowledged on the old path may not have arrived, and the new one has no round-trip time yet.
    acks.repeat();
    control.wantPing = true;
  }
}

/** For sessions that may move. */
export const movingPaths: PathsFactory = (now, path, parts, host, random, maxResponses) =>
  new Paths(now, path, parts, host, random, maxResponses);
