import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Suite } from '../../../lib/ports/crypto.js';
import { nobleProvider } from '../../../lib/stc/noble-provider.js';
import { PacketLink, type LinkEvents } from '../../../lib/web/packet-link.js';
import type { WebSocketLike } from '../../../lib/web/web-socket.js';
import { ADDRESS_A, EngineProbe, hex, sealRaw, sessionKeys, testCrypto } from '../../support/engine-harness.js';

const SUITE = Suite.CHACHA20_POLY1305;
const PING = Uint8Array.of(0x02, 0x01, 1, 2, 3, 4, 5, 6, 7, 8);

class FakeSocket implements WebSocketLike {
  readonly protocol = 'stt.v1';
  readyState = 1;
  bufferedAmount = 0;
  binaryType = 'arraybuffer';
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  readonly sent: Uint8Array[] = [];

  send(data: Uint8Array): void {
    this.sent.push(data.slice());
  }

  close(): void {
    this.readyState = 3;
  }
}

class Side implements LinkEvents {
  readonly told: string[] = [];
  readonly socket = new FakeSocket();
  readonly link: PacketLink;

  constructor(keys = sessionKeys(1, SUITE)[0]) {
    this.link = new PacketLink(nobleProvider, this.socket, keys, this);
  }

  onPacket(phase: number, pn: number, frames: Uint8Array, length: number): void {
    this.told.push(`packet ${pn} of phase ${phase}: ${hex(frames.subarray(0, length))}`);
  }

  onForgeryLimit(): void {
    this.told.push('forgeries');
  }

  onRoom(): void {
    this.told.push('room');
  }
}

/** The other end: a packet engine, as nodes have it. */
function node(): { probe: EngineProbe; slot: number; seal(pn: number): Uint8Array } {
  const probe = new EngineProbe(testCrypto);
  const slot = probe.engine.openSession(sessionKeys(1, SUITE)[1]);
  const path = probe.engine.openPath(ADDRESS_A);
  return {
    probe,
    slot,
    seal(pn) {
      expect(probe.engine.sealFrames(slot, path, pn, PING, 0, PING.length)).toBe(true);
      return probe.flushed()[0]!;
    },
  };
}

const nextOf = (seed: number, side: 0 | 1) => {
  const { send, receive } = sessionKeys(seed, SUITE)[side];
  return [send, receive] as const;
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the packets of a page', () => {
  it('are those of a packet engine, in both directions and all phases of keys', () => {
    const page = new Side();
    const { probe, slot, seal } = node();
    const exchange = (pn: number, phase: number): void => {
      page.link.send(pn, PING, 0, PING.length);
      const rows = probe.take(page.socket.sent.splice(0));
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ pn, octets: hex(PING) });
      page.link.receive(seal(pn));
      expect(page.told.splice(0)).toEqual([`packet ${pn} of phase ${phase}: ${hex(PING)}`]);
    };
    exchange(0, 0);
    exchange(7, 0);
    for (let phase = 1; phase < 4; phase++) {
      expect(page.link.installNextKeys(0, ...nextOf(phase + 1, 0))).toBe(true);
      expect(page.link.installNextKeys(0, ...nextOf(phase + 1, 0))).toBe(false);
      expect(probe.engine.installNextKeys(slot, ...nextOf(phase + 1, 1))).toBe(true);
      page.link.switchSendKeys();
      probe.engine.switchSendKeys(slot);
      exchange(1_000 * phase, phase);
      page.link.dropOldKeys();
      probe.engine.dropOldKeys(slot);
    }
  });

  it('pass neither twice nor behind a newer one, nor changed, nor of another session', () => {
    const page = new Side();
    const { seal } = node();
    const [first, second] = [seal(1), seal(2)];
    page.link.receive(second);
    expect(page.told).toHaveLength(1);
    for (const packet of [first, second]) page.link.receive(packet);
    const third = seal(3);
    for (let at = 0; at < third.length; at++) {
      const changed = third.slice();
      changed[at]! ^= 0x40;
      page.link.receive(changed);
    }
    page.link.receive(third.subarray(0, 28));
    page.link.receive(new Uint8Array(0));
    page.link.receive(new Uint8Array(70_000).fill(0x80));
    expect(page.told).toHaveLength(1);
    page.link.receive(third);
    expect(page.told).toHaveLength(2);
  });

  it('break the protocol if they are empty or have reserved bits', () => {
    const page = new Side();
    const keys = sessionKeys(1, SUITE)[1];
    page.link.receive(sealRaw(keys, 0x80, 0, new Uint8Array(0)));
    page.link.receive(sealRaw(keys, 0x82, 1, PING));
    expect(page.told).toEqual(['packet 0 of phase 0: ', 'packet 1 of phase 0: ']);
  });

  it('tell once that too many failed', () => {
    const page = new Side(sessionKeys(1, SUITE, 3)[0]);
    const { seal } = node();
    const forged = seal(0);
    forged[forged.length - 1]! ^= 1;
    for (let i = 0; i < 5; i++) {
      expect(page.told).toEqual(i < 3 ? [] : ['forgeries']);
      page.link.receive(forged);
    }
    expect(page.told).toEqual(['forgeries']);
  });

  it('wait while the WebSocket holds enough, and go on when half of it went out', () => {
    const page = new Side();
    expect(page.link.isFull()).toBe(false);
    page.socket.bufferedAmount = 1_048_576;
    expect(page.link.isFull()).toBe(true);
    vi.advanceTimersByTime(1_000);
    page.socket.bufferedAmount = 600_000;
    vi.advanceTimersByTime(1_000);
    expect(page.told).toEqual([]);
    page.socket.bufferedAmount = 500_000;
    vi.advanceTimersByTime(10);
    expect(page.told).toEqual(['room']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('vanish when the WebSocket is closed, and nothing is called after the end', () => {
    const page = new Side();
    page.socket.bufferedAmount = 2_000_000;
    expect(page.link.isFull()).toBe(true);
    page.link.close();
    expect(vi.getTimerCount()).toBe(0);
    page.socket.close();
    expect(page.link.isFull()).toBe(false);
    page.link.send(0, PING, 0, PING.length);
    expect(page.socket.sent).toEqual([]);
  });
});
