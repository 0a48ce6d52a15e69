import { describe, expect, it } from 'vitest';
import { nextSize } from '../../../lib/protocol/mtu-sizes.js';
import { PathMtu } from '../../../lib/protocol/path-mtu.js';

const MAX = 65_507;
/** A window in which every size has room. */
const WIDE = 1e9;

/** Lets a search come to its end on a path that carries `carried` octets; gives the sizes tried. */
function search(mtu: PathMtu, carried: number, now = 0, window = WIDE): number[] {
  const tried: number[] = [];
  for (let size = mtu.next(now, window); size > 0; size = mtu.next(now, window)) {
    tried.push(size);
    mtu.onProbeSent(size);
    if (size <= carried) mtu.onProbeAcked();
    else mtu.onProbeLost();
  }
  return tried;
}

describe('search for the path MTU', () => {
  it('begins at the size of the beginning, and knows nothing', () => {
    const mtu = new PathMtu(1200, MAX);
    expect(mtu).toMatchObject({ state: 'base', size: 1200, max: MAX, probe: 0, reductions: 0, lastReduction: 'none' });
  });

  it('needs three probes where the path carries everything', () => {
    const mtu = new PathMtu(1200, MAX);
    expect(search(mtu, MAX)).toEqual([1472, 8972, MAX]);
    expect(mtu).toMatchObject({ state: 'complete', size: MAX });
  });

  it.each([
    [1200, 1200],
    [1232, 1232],
    [1252, 1252],
    [1372, 1372],
    [1392, 1392],
    [1400, 1392],
    [1452, 1452],
    [1464, 1452],
    [1472, 1472],
    [1500, 1492],
    [8952, 8952],
    [8972, 8972],
    [16_356, 16_356],
    [65_488, 65_488],
    [65_506, 65_488],
  ])('finds of %d octets what is within 1/64: %d', (carried, found) => {
    const mtu = new PathMtu(1200, MAX);
    search(mtu, carried);
    expect([mtu.state, mtu.size]).toEqual(['complete', found]);
    expect(carried - found).toBeLessThanOrEqual(carried / 64);
  });

  it('never tries more than the largest size allowed, and that one itself', () => {
    const mtu = new PathMtu(1200, 1400);
    expect(search(mtu, MAX)).toEqual([1400]);
    expect(mtu).toMatchObject({ state: 'complete', size: 1400 });
  });

  it.each([1200, 1400, MAX])('is complete from the beginning if no more than %d octets are allowed', (size) => {
    const mtu = new PathMtu(size, size);
    expect(mtu.state).toBe('complete');
    expect(mtu.next(1e12, WIDE)).toBe(0);
  });

  it('takes the first size for granted, also where it is larger than what may be tried', () => {
    expect(new PathMtu(1400, 0)).toMatchObject({ state: 'complete', size: 1400, max: 1400 });
  });

  it('has one probe out at a time', () => {
    const mtu = new PathMtu(1200, MAX);
    expect(mtu.next(0, WIDE)).toBe(1472);
    mtu.onProbeSent(1472);
    expect(mtu.next(1000, WIDE)).toBe(0);
    expect(mtu.probe).toBe(1472);
  });

  it('gives a size up after three losses, not before', () => {
    const mtu = new PathMtu(1200, MAX);
    for (let i = 0; i < 3; i++) {
      expect(mtu.next(i, WIDE)).toBe(1472);
      mtu.onProbeSent(1472);
      mtu.onProbeLost();
    }
    expect(mtu.next(3, WIDE)).toBeLessThan(1472);
    expect(mtu.size).toBe(1200);
  });

  it('counts only losses in a row', () => {
    const mtu = new PathMtu(1200, MAX);
    for (const size of [1472, 8972, MAX]) {
      for (let i = 0; i < 2; i++) {
        mtu.onProbeSent(mtu.next(0, WIDE));
        mtu.onProbeLost();
      }
      expect(mtu.next(0, WIDE)).toBe(size);
      mtu.onProbeSent(size);
      mtu.onProbeAcked();
      expect(mtu.size).toBe(size);
    }
  });

  it('waits with a size of which a quarter of the congestion window has no room', () => {
    const mtu = new PathMtu(1200, MAX);
    expect(search(mtu, MAX, 0, 4 * 8972)).toEqual([1472, 8972]);
    expect(mtu).toMatchObject({ state: 'searching', size: 8972 });
    expect(mtu.next(0, 4 * MAX - 1)).toBe(0);
    expect(mtu.next(0, 4 * MAX)).toBe(MAX);
  });

  it('looks again ten minutes after it ended below the maximum', () => {
    const mtu = new PathMtu(1200, MAX);
    search(mtu, 1472, 5_000);
    expect(mtu.next(604_999, WIDE)).toBe(0);
    expect(search(mtu, 8972, 605_000)[0]).toBe(8972);
    expect(mtu.size).toBe(8972);
  });

  it('never looks again at the maximum', () => {
    const mtu = new PathMtu(1200, MAX);
    search(mtu, MAX);
    expect(mtu.next(1e12, WIDE)).toBe(0);
  });

  it('excludes at once what the operating system refuses', () => {
    const mtu = new PathMtu(1200, MAX);
    mtu.onProbeSent(mtu.next(0, WIDE));
    mtu.onProbeAcked();
    const size = mtu.next(0, WIDE);
    mtu.onProbeSent(size);
    mtu.onRefused(0, size);
    expect(mtu.probe).toBe(0);
    expect(mtu.next(0, WIDE)).toBeLessThan(size);
    expect(mtu).toMatchObject({ size: 1472, reductions: 0 });
  });

  it('goes on waiting for a smaller probe if a larger packet is refused', () => {
    const mtu = new PathMtu(1200, MAX);
    mtu.onProbeSent(1472);
    mtu.onRefused(0, 8972);
    expect(mtu.probe).toBe(1472);
    mtu.onProbeAcked();
    expect(mtu.size).toBe(1472);
    expect(mtu.next(0, WIDE)).toBeLessThan(8972);
  });

  it('falls at once if a packet of the size in use is refused, and searches below it', () => {
    const mtu = new PathMtu(MAX, MAX);
    mtu.onRefused(10, MAX);
    expect(mtu).toMatchObject({ state: 'error', size: 1200, reductions: 1, lastReduction: 'refused' });
    expect(search(mtu, 65_488, 10)).not.toContain(MAX);
    expect(mtu.size).toBe(65_488);
  });

  it('is not moved by refusals of what it would not send, or of what every path carries', () => {
    const mtu = new PathMtu(1200, 1400);
    for (const octets of [0, 1, 1200, 1401, MAX]) mtu.onRefused(0, octets);
    expect(mtu).toMatchObject({ state: 'base', size: 1200, reductions: 0 });
    expect(search(mtu, MAX)).toEqual([1400]);
  });
});

describe('a size that gets through no more', () => {
  it('is followed by 1,200 octets, and tried again first', () => {
    const mtu = new PathMtu(1200, MAX);
    search(mtu, 9000);
    mtu.fall(100, 'black-hole');
    expect(mtu).toMatchObject({ state: 'error', size: 1200, reductions: 1, lastReduction: 'black-hole' });
    expect(mtu.next(100, WIDE)).toBe(8972);
    expect(mtu.state).toBe('searching');
    mtu.onProbeSent(8972);
    mtu.onProbeAcked();
    expect(mtu.size).toBe(8972);
  });

  it('does not keep smaller ones from being tried if it does not fit the window any more', () => {
    const mtu = new PathMtu(MAX, MAX);
    mtu.fall(0, 'black-hole');
    expect(search(mtu, MAX, 0, 40_000)).toEqual([1472, 8972]);
    expect(mtu.next(0, WIDE)).toBe(MAX);
  });

  it('leads to a smaller one that does', () => {
    const mtu = new PathMtu(1200, MAX);
    search(mtu, MAX);
    mtu.fall(0, 'silence');
    const tried = search(mtu, 1392, 0);
    expect(tried.slice(0, 4)).toEqual([MAX, MAX, MAX, 1472]);
    expect(mtu).toMatchObject({ state: 'complete', size: 1392, lastReduction: 'silence' });
  });

  it('is searched for again also where its size was fixed', () => {
    const mtu = new PathMtu(1400, 1400);
    mtu.fall(0, 'black-hole');
    expect(mtu.size).toBe(1200);
    expect(search(mtu, 1400, 0)).toEqual([1400]);
    expect(mtu).toMatchObject({ state: 'complete', size: 1400 });
  });

  it('forgets a probe that was out: its fate tells of another search', () => {
    const mtu = new PathMtu(1472, MAX);
    mtu.onProbeSent(8972);
    mtu.fall(0, 'black-hole');
    expect(mtu.probe).toBe(0);
    expect(mtu.next(0, WIDE)).toBe(1472);
  });

  it('is no reason to go below 1,200 octets', () => {
    const mtu = new PathMtu(1200, MAX);
    mtu.fall(0, 'black-hole');
    expect(mtu).toMatchObject({ state: 'base', size: 1200, reductions: 0, lastReduction: 'none' });
  });

  it('waits from the fourth time in a row on, each time longer, up to a minute, and no more after a good one', () => {
    const mtu = new PathMtu(1472, 1472);
    const pauses: number[] = [];
    let now = 0;
    const fall = (): void => {
      mtu.fall(now, 'black-hole');
      let pause = 0;
      while (mtu.next(now + pause, WIDE) === 0) pause += 500;
      pauses.push(pause);
      now += pause;
      mtu.onProbeSent(1472);
      mtu.onProbeAcked();
      now += 100;
    };
    for (let i = 0; i < 11; i++) fall();
    expect(pauses).toEqual([0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    now += 120_000;
    fall();
    expect(pauses.at(-1)).toBe(0);
  });

  it('does not wait if the path was merely silent, as in a tunnel', () => {
    const mtu = new PathMtu(1472, 1472);
    for (let now = 0; now < 10_000; now += 1_000) {
      mtu.fall(now, 'silence');
      expect(mtu.next(now, WIDE)).toBe(1472);
      mtu.onProbeSent(1472);
      mtu.onProbeAcked();
    }
    expect(mtu.reductions).toBe(10);
  });
});

describe('sizes to try', () => {
  it('lie strictly between what gets through and what does not', () => {
    for (let low = 1200; low < MAX; low += 97) {
      for (const high of [low + 1, low + 20, low + 300, low + 5_000, MAX, MAX + 1]) {
        if (high <= low || high > MAX + 1) continue;
        const size = nextSize(low, high, MAX);
        if (size !== 0) {
          expect(size).toBeGreaterThan(low);
          expect(size).toBeLessThan(high);
        } else expect(high - low).toBeLessThanOrEqual(Math.max(low / 64, MAX + 1 === high ? low / 64 + 1 : 0));
      }
    }
  });
});
