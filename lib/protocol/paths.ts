import { MIN_DATAGRAM, PACKET_OVERHEAD } from '../constants.js';
import type { PacketSink } from '../ports/packet-sink.js';
import type { PathHost } from '../ports/path-host.js';
import type { Random } from '../ports/random.js';
import { encodePadding, encodePathChallenge, encodePathResponse } from '../wire/packet-frames.js';
import { FrameLog } from './frame-log.js';
import { SentFrame } from './sent-packets.js';

/** Paths beside the one in use (STT §7). */
const MAX_CANDIDATES = 4;
/** A new path is taken up at most so often (STT §7): whoever can make packets come from anywhere makes no work by it. */
const NEW_PATH_INTERVAL_MS = 100;
/** Challenges to a path before it is given up (STT §7). */
const TRIES = 3;
/** Octets sent to an address for each that came from it, until it is validated (RFC 9000 §8). */
const AMPLIFICATION = 3;
/** Another address is tried at most so often: the peer names it, and might name somebody else's. */
const ALTERNATIVE_INTERVAL_MS = 10_000;
/** Frame, control type and eight octets. */
const PATH_FRAME = 10;

const FRAMES = new Uint8Array(MIN_DATAGRAM);
const LOG = new FrameLog();
const TOKEN = new Uint8Array(8);
const VIEW = new DataView(TOKEN.buffer);

/** A path that the session knows. */
class Path {
  /** Octets of datagrams, either way: what the limit of 3x counts. */
  received = 0;
  sent = 0;
  /** Its address has shown that it receives what is sent there. */
  validated = false;
  /** Tokens of the challenges that are out, as pairs of u32. */
  tokens: number[] | undefined;
  /** Challenges that may still be drawn. */
  tries = 0;
  /** When the next challenge is due, or, with none left, the path is given up. */
  due = Infinity;

  constructor(readonly id: number) {}

  get isChallenged(): boolean {
    return this.due !== Infinity;
  }

  /** Octets that may be sent there now. */
  get budget(): number {
    return this.validated ? Infinity : AMPLIFICATION * this.received - this.sent;
  }

  challenge(now: number): void {
    this.tokens = undefined;
    this.tries = TRIES;
    this.due = now;
  }

  settle(): void {
    this.tokens = undefined;
    this.tries = 0;
    this.due = Infinity;
  }
}

/** What the path of a session has to do with the rest of it; `SessionParts` is one. */
export interface PathParts {
  readonly outbox: {
    packet(now: number, sink: PacketSink, frames: Uint8Array, length: number, log: FrameLog, path?: number): boolean;
  };
  readonly recovery: { readonly pto: number };
  /** Packets go over another path; with `restart` nothing is known of it. */
  onPathChanged(now: number, path: number, restart: boolean): void;
  /** The peer asks whether the path in use still is: something that is no probe should tell it. */
  onPathChallenged(): void;
}

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
 */
export class Paths {
  readonly #parts: PathParts;
  readonly #host: PathHost | undefined;
  readonly #random: Random;
  readonly #maxResponses: number;
  #active: Path;
  /** Oldest first. */
  #candidates: Path[] = NO_PATHS;
  /** Where the peer seems to have moved to. */
  #wanted: Path | undefined;
  #lastNew = -Infinity;
  #lastAlternative = -Infinity;
  /** Triples: path, and the token as two u32. */
  #responses: number[] | undefined;
  /** Times the session moved. */
  moves = 0;

  /** `maxResponses`: PATH_RESPONSEs that wait to be sent; further challenges are not answered. */
  constructor(path: number, parts: PathParts, host: PathHost | undefined, random: Random, maxResponses: number) {
    this.#parts = parts;
    this.#host = host;
    this.#random = random;
    this.#maxResponses = maxResponses;
    this.#active = new Path(path);
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

  /** When `poll` has something to do, or a path is to be given up: absolute ms or Infinity. */
  get deadline(): number {
    let due = this.#active.due;
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
      // It still sends from the old address: somebody else sent the other one on.
      this.#wanted?.settle();
      this.#wanted = undefined;
      this.#active.settle();
      return;
    }
    const path = this.#candidate(id);
    if (path === undefined || path === this.#wanted) return;
    this.#wanted?.settle();
    this.#wanted = path;
    path.challenge(now);
    this.#active.challenge(now);
  }

  /** Nothing comes back on the path in use: asks whether the peer can be reached elsewhere, to move there if so. */
  onSilence(now: number): void {
    if (this.#wanted !== undefined || now < this.#lastAlternative + ALTERNATIVE_INTERVAL_MS) return;
    const id = this.#host?.alternativePath();
    if (id === undefined) return;
    this.#lastAlternative = now;
    const path = this.#candidate(id) ?? (id === this.#active.id ? undefined : this.#take(now, id));
    this.#host!.releasePath(id);
    if (path === undefined) return;
    // Nothing need have come from there: the challenges are all that goes there before an answer.
    path.received += (TRIES * MIN_DATAGRAM) / AMPLIFICATION;
    this.#wanted = path;
    path.challenge(now);
  }

  /** PATH_CHALLENGE came in on a path. */
  onChallenge(id: number, high: number, low: number): void {
    const known = this.#host === undefined || id === this.#active.id || this.#candidate(id) !== undefined;
    const responses = (this.#responses ??= []);
    if (!known || responses.length >= 3 * this.#maxResponses) return;
    const isActive = this.#host === undefined || id === this.#active.id;
    responses.push(isActive ? this.#active.id : id, high, low);
    // An attacker who is faster with our packets than we are shall not keep the session (RFC 9000 §9.3.3).
    if (isActive && this.#host !== undefined) this.#parts.onPathChallenged();
  }

  /** PATH_RESPONSE came in, on whatever path. */
  onResponse(now: number, high: number, low: number): void {
    if (answers(this.#active, high, low)) {
      this.#active.settle();
      return;
    }
    const path = this.#candidates.find((candidate) => answers(candidate, high, low));
    if (path === undefined) return;
    path.validated = true;
    path.settle();
    if (path === this.#wanted) this.#move(now, path);
  }

  /** Gives up paths that did not answer. */
  onTimeout(now: number): void {
    if (this.#active.tries === 0 && this.#active.due <= now) this.#active.settle();
    for (const path of [...this.#candidates]) {
      if (path.tries > 0 || path.due > now) continue;
      if (path === this.#wanted) this.#wanted = undefined;
      this.#forget(path);
    }
  }

  /** Sends the responses and challenges that are due. False if the sink is full. */
  poll(now: number, sink: PacketSink): boolean {
    const responses = this.#responses ?? NO_RESPONSES;
    while (responses.length > 0) {
      const [id, high, low] = [responses[0]!, responses[1]!, responses[2]!];
      const path = id === this.#active.id ? this.#active : this.#candidate(id);
      if (path !== undefined && !this.#send(now, sink, path, encodePathResponse(token(high, low), FRAMES, 0))) {
        return false;
      }
      responses.splice(0, 3);
    }
    if (!this.#challenge(now, sink, this.#active)) return false;
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
  }

  #challenge(now: number, sink: PacketSink, path: Path): boolean {
    if (path.due > now || path.tries === 0) return true;
    const [high, low] = [this.#random.u32(), this.#random.u32()];
    if (!this.#send(now, sink, path, encodePathChallenge(token(high, low), FRAMES, 0))) return false;
    (path.tokens ??= []).push(high, low);
    path.tries--;
    path.due = now + this.#parts.recovery.pto;
    return true;
  }

  /** One packet of a frame and padding, as large as every path carries but for the limit of 3x; what does not fit that is dropped. */
  #send(now: number, sink: PacketSink, path: Path, length: number): boolean {
    const room = Math.min(MIN_DATAGRAM, path.budget) - PACKET_OVERHEAD;
    if (room < PATH_FRAME) return true;
    const end = encodePadding(room - length, FRAMES, length);
    LOG.clear();
    LOG.ackEliciting = true;
    LOG.add(SentFrame.PATH, 0, 0, 0);
    if (!this.#parts.outbox.packet(now, sink, FRAMES, end, LOG, path.id)) return false;
    path.sent += end + PACKET_OVERHEAD;
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
    if (this.#candidates.length >= MAX_CANDIDATES) {
      const spare = this.#candidates.find((path) => path !== this.#wanted);
      if (spare === undefined) return undefined;
      this.#forget(spare);
    }
    if (!host.keepPath(id)) return undefined;
    this.#lastNew = now;
    const path = new Path(id);
    if (this.#candidates === NO_PATHS) this.#candidates = [];
    this.#candidates.push(path);
    return path;
  }

  #forget(path: Path): void {
    this.#candidates.splice(this.#candidates.indexOf(path), 1);
    this.#host?.releasePath(path.id);
  }

  #move(now: number, path: Path): void {
    const host = this.#host;
    const old = this.#active;
    this.#candidates.splice(this.#candidates.indexOf(path), 1);
    // Kept: packets of it are in flight, and the peer may come back.
    this.#candidates.push(old);
    old.settle();
    this.#wanted = undefined;
    this.#active = path;
    this.moves++;
    host!.onPathChanged(path.id);
    this.#parts.onPathChanged(now, path.id, !host!.isSameHost(old.id, path.id));
  }
}

function answers(path: Path, high: number, low: number): boolean {
  const tokens = path.tokens ?? NO_RESPONSES;
  for (let i = 0; i < tokens.length; i += 2) if (tokens[i] === high && tokens[i + 1] === low) return true;
  return false;
}

/** A token from two u32; valid until the next call. */
function token(high: number, low: number): Uint8Array {
  VIEW.setUint32(0, high);
  VIEW.setUint32(4, low);
  return TOKEN;
}
