import type { CryptoProvider } from '../ports/crypto.js';
import type { PacketEngine } from '../ports/packet-engine.js';
import type { Random } from '../ports/random.js';
import { announceAlternatives, announceResetToken } from '../protocol/announcements.js';
import { ALGORITHMS } from '../protocol/congestion/algorithms.js';
import { unlimited } from '../protocol/congestion/unlimited.js';
import type { Announcement } from '../protocol/sent-frame.js';
import { datagramSending } from '../protocol/datagram-sending.js';
import { movingPaths } from '../protocol/paths.js';
import { searchingMtu } from '../protocol/searching-mtu.js';
import { Session } from '../protocol/session.js';
import { encodeAlternatives } from '../wire/alt-address.js';
import { DEFAULT_TRANSPORT_PARAMS, type TransportParams } from '../wire/handshake-messages.js';
import type { OpenedSlot } from './dials.js';
import type { NodeConfig } from './node-options.js';
import type { SessionEntry } from './session-entry.js';
import type { StatelessResets } from './stateless-resets.js';
import type { StreamFace } from './stream-face.js';

/** What a node offers its peers in a handshake. */
export function transportParams(config: NodeConfig): TransportParams {
  return {
    ...DEFAULT_TRANSPORT_PARAMS,
    initialMaxData: config.sessionWindow,
    initialMaxStreamData: config.streamWindow,
    maxStreams: config.maxStreams,
    idleTimeoutMs: config.idleTimeoutMs,
    maxDatagram: config.maxMessageOctets,
  };
}

/** The sans-IO core of a session whose handshake is done. */
export function newSession<S extends StreamFace>(
  config: NodeConfig,
  crypto: CryptoProvider,
  { result, path }: OpenedSlot,
  entry: SessionEntry<S>,
  random: Random,
  now: number,
  { engine, resets }: { readonly engine: PacketEngine; readonly resets?: StatelessResets | undefined },
): Session {
  const { maxUdpPayload } = result.peerParams;
  const announcements: Announcement[] = [];
  // The responder gave its own with the handshake.
  const resetToken = result.role === 'initiator' ? resets?.token(result.sessionId) : undefined;
  if (resetToken !== undefined) announcements.push(announceResetToken(resetToken));
  const alternatives = config.advertise === undefined ? undefined : encodeAlternatives(config.advertise);
  if (alternatives !== undefined) announcements.push(announceAlternatives(alternatives));
  return new Session({
    role: result.role,
    now,
    localParams: result.localParams,
    peerParams: result.peerParams,
    suite: result.suite,
    initialPacketSize: Math.min(config.initialPacketSize, maxUdpPayload),
    maxPacketSize: config.maxPacketSize,
    mtu: searchingMtu,
    congestion: ALGORITHMS[config.congestion],
    sending: datagramSending,
    ecn: engine.canMark,
    // A WebSocket carries any size, and each message costs (STT §10). TCP has congestion control of its own.
    connection: { packetSize: maxUdpPayload, congestion: unlimited },
    ...(result.handshakeRttMs === undefined ? {} : { handshakeRttMs: result.handshakeRttMs }),
    random,
    observer: entry,
    path,
    paths: movingPaths,
    pathHost: entry,
    limits: config.limits,
    rotation: { crypto, sessionKey: result.sessionKey, policy: config.rotation, owner: entry },
    keepAliveMs: config.keepAlive ? config.idleTimeoutMs / 3 : 0,
    announcements,
  });
}
