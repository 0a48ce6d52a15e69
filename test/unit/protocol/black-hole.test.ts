import { describe, expect, it } from 'vitest';
import { BlackHoleDetector } from '../../../lib/protocol/black-hole.js';

/** A detector on a path that carried packets of 8,972 octets up to number 99. */
function detector(): BlackHoleDetector {
  const hole = new BlackHoleDetector();
  hole.restart(8972, 0);
  hole.onAcked(99, 8972);
  return hole;
}

describe('black-hole detection', () => {
  it('finds it when three packets are lost and only smaller ones arrive, whenever those were sent', () => {
    const hole = detector();
    hole.onLost(101, 2, 8972);
    hole.onAcked(121, 1200);
    expect(hole.isFound).toBe(false);
    hole.onLost(122, 1, 8972);
    expect(hole.isFound).toBe(true);
    const other = detector();
    other.onLost(109, 10, 8972);
    expect(other.isFound).toBe(true);
  });

  it('does not count what was lost before a packet that arrived', () => {
    const hole = detector();
    hole.onAcked(200, 8972);
    for (let pn = 100; pn < 200; pn += 10) hole.onLost(pn, 1, 8972);
    expect(hole.isFound).toBe(false);
  });

  it('forgets its suspects when a packet as large arrives', () => {
    const hole = detector();
    hole.onLost(101, 2, 8972);
    hole.onAcked(103, 8972);
    hole.onLost(105, 2, 8972);
    expect(hole.isFound).toBe(false);
    hole.onLost(107, 1, 8972);
    expect(hole.isFound).toBe(true);
  });

  it('is not deceived by arrivals of smaller packets over 1,200 octets', () => {
    const hole = detector();
    for (let pn = 100; pn < 110; pn += 2) {
      hole.onLost(pn, 1, 8972);
      hole.onAcked(pn + 1, 1400);
    }
    expect(hole.isFound).toBe(true);
  });

  it('finds it as well when the packets lost are not full ones', () => {
    const hole = detector();
    for (let pn = 100; pn < 106; pn += 2) hole.onLost(pn, 1, 3000);
    expect(hole.isFound).toBe(true);
  });

  it('does not care for packets of 1,200 octets and less', () => {
    const hole = detector();
    for (let pn = 100; pn < 200; pn += 2) hole.onLost(pn, 1, 1200);
    expect(hole.isFound).toBe(false);
    hole.onAcked(201, 1200);
    hole.onAcked(202, 60);
  });

  it('does not count late news of packets from before it began anew', () => {
    const hole = detector();
    hole.onLost(109, 10, 8972);
    hole.onLost(121, 2, 8972);
    hole.restart(1200, 200);
    expect(hole.isFound).toBe(false);
    hole.onRaised(8972);
    for (let pn = 130; pn < 200; pn += 10) hole.onLost(pn, 1, 8972);
    expect(hole.isFound).toBe(false);
    for (let pn = 200; pn < 206; pn += 2) hole.onLost(pn, 1, 8972);
    expect(hole.isFound).toBe(true);
  });
});
