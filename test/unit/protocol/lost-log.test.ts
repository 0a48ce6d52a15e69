import { describe, expect, it } from 'vitest';
import { LostLog } from '../../../lib/protocol/lost-log.js';

describe('lost log', () => {
  it('finds lost packets in an ACK, each once', () => {
    const log = new LostLog();
    log.add(5, 3);
    log.add(20, 1);
    expect(log.refute(new Float64Array([21, 30, 6, 10]), 2)).toBe(2);
    expect(log.refute(new Float64Array([21, 30, 6, 10]), 2)).toBe(0);
    expect(log.refute(new Float64Array([0, 30]), 1)).toBe(2);
  });

  it('says once that all losses of an event were refuted', () => {
    const log = new LostLog();
    log.add(1, 1);
    log.add(5, 2);
    log.beginEvent(2);
    log.add(9, 1);
    log.refute(new Float64Array([5, 6, 1, 1]), 2);
    expect(log.takeRefuted()).toBe(false);
    log.refute(new Float64Array([9, 9]), 1);
    expect(log.takeRefuted()).toBe(true);
    expect(log.takeRefuted()).toBe(false);
  });

  it('does not say so of an event with other reasons', () => {
    const log = new LostLog();
    log.add(5, 1);
    log.beginEvent(1);
    log.confirmEvent();
    log.refute(new Float64Array([5, 5]), 1);
    expect(log.takeRefuted()).toBe(false);
  });

  it('remembers the last losses only', () => {
    const log = new LostLog();
    log.add(0, 1000);
    log.beginEvent(1000);
    expect(log.refute(new Float64Array([0, 999]), 1)).toBe(128);
    expect(log.takeRefuted()).toBe(false);
  });
});
