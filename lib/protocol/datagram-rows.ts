import { PACKET_OVERHEAD, STREAM_HEADER } from '../constants.js';
import { Marks } from '../ports/packet-engine.js';
import type { Session } from './session.js';

/*
 * What comes in for sessions over datagrams only, as `Session.handle*` does for all of them. It stands apart so that pages,
 * which have nothing but a WebSocket, do not load it.
 */

/** A coalesced STREAM row: `count` packets from `pn` on, each led by a STREAM frame that continues the one before. */
export function handleStreamRun(
  session: Session,
  now: number,
  path: number,
  marks: number,
  pn: number,
  count: number,
  streamId: number,
  offset: number,
  fin: boolean,
  bytes: Uint8Array,
  begin: number,
  length: number,
): void {
  if (!session.accept(now, count, length)) return;
  const { acks, lifetime, paths, ratchet, receiver } = session.parts;
  ratchet?.onPacketPhase(now, marks >>> Marks.PHASE_SHIFT);
  if (!fin) lifetime.onMoreToCome();
  if (path !== paths.active || !paths.isQuiet) {
    paths.onReceived(now, path, length + count * (PACKET_OVERHEAD + STREAM_HEADER));
    if (pn + count - 1 > acks.largest) paths.onNewest(now, path);
  }
  acks.onReceived(pn, count, true, now, marks & Marks.ECN_MASK);
  session.check(now, receiver.stream(streamId, offset, fin, bytes, begin, begin + length));
}

/** The operating system refused to send a datagram of so many octets over a path. */
export function handleRefusedSize(session: Session, now: number, path: number, octets: number): void {
  const { mtu, paths } = session.parts;
  if (session.state === 'open' && path === paths.active) mtu.onRefused(now, octets);
}
