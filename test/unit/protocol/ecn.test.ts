import { describe, expect, it } from 'vitest';
import { EcnValidator } from '../../../lib/protocol/ecn.js';

/** One that sent packets 0 .. `sent - 1` with marks. */
function testing(sent: number): EcnValidator {
  const ecn = new EcnValidator(true);
  ecn.decide();
  expect(ecn.onSent(0, sent)).toBe(true);
  return ecn;
}

describe('ECN validation', () => {
  it('marks nothing where marks are not possible, and believes nothing', () => {
    const ecn = new EcnValidator(false);
    expect(ecn.decide()).toBe(false);
    expect(ecn.onSent(0, 1)).toBe(false);
    expect(ecn.onAck(0, -1, true, 0, 0, 5)).toBe(false);
    ecn.onTimeout(3);
    expect(ecn.state).toBe('unavailable');
    ecn.onPath(true);
    expect(ecn.decide()).toBe(true);
    ecn.onPath(false);
    expect([ecn.state, ecn.onSent(0, 1)]).toEqual(['unavailable', false]);
  });

  it('marks ten packets and then waits for the peer to confirm', () => {
    const ecn = testing(10);
    expect(ecn.decide()).toBe(false);
    expect(ecn.onSent(10, 1)).toBe(false);
    expect(ecn.onAck(4, 3, true, 4, 0, 0)).toBe(false);
    expect(ecn.state).toBe('capable');
    expect(ecn.decide()).toBe(true);
  });

  it('marks all or none of what is sent between two decisions', () => {
    const ecn = testing(9);
    expect(ecn.onSent(9, 3)).toBe(true);
    expect(ecn.onSent(12, 1)).toBe(true);
    expect(ecn.decide()).toBe(false);
    ecn.onAck(13, 12, true, 13, 0, 0);
    expect(ecn.onSent(13, 1)).toBe(false);
  });

  it('tells of new CE marks, and counts them', () => {
    const ecn = testing(10);
    expect(ecn.onAck(4, 3, true, 3, 0, 1)).toBe(true);
    expect(ecn.onAck(0, -1, true, 3, 0, 1)).toBe(false);
    expect(ecn.onAck(6, 9, true, 7, 0, 3)).toBe(true);
    expect([ecn.state, ecn.experienced]).toEqual(['capable', 3]);
  });

  it('takes marks whose ACK came out of order for granted', () => {
    const ecn = testing(10);
    // That of packets 0 and 1 was overtaken: its packets are known to be acknowledged already.
    expect(ecn.onAck(2, 3, true, 4, 0, 0)).toBe(false);
    expect(ecn.state).toBe('capable');
  });

  it.each<[string, (ecn: EcnValidator) => unknown]>([
    ['counts are missing', (ecn) => ecn.onAck(1, 0, false, 0, 0, 0)],
    ['marks were removed', (ecn) => ecn.onAck(3, 2, true, 2, 0, 0)],
    ['marks became ECT(1)', (ecn) => ecn.onAck(3, 2, true, 3, 1, 0)],
    ['more is counted than was sent', (ecn) => ecn.onAck(3, 2, true, 11, 0, 0)],
    ['more CE is counted than was sent', (ecn) => ecn.onAck(3, 2, true, 3, 0, 8)],
    ['counts are absurd', (ecn) => ecn.onAck(3, 2, true, Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER)],
    ['counts go down', (ecn) => (ecn.onAck(3, 2, true, 3, 0, 0), ecn.onAck(0, -1, true, 2, 0, 0))],
    ['CE goes down', (ecn) => (ecn.onAck(3, 2, true, 0, 0, 3), ecn.onAck(2, 4, true, 3, 0, 2))],
    ['all ten are lost', (ecn) => ecn.onLost(0, 10)],
  ])('fails for good on a path when %s', (_, act) => {
    const ecn = testing(10);
    act(ecn);
    const { experienced } = ecn;
    expect(ecn.state).toBe('failed');
    expect(ecn.decide()).toBe(false);
    expect(ecn.onAck(1, 9, true, 5, 0, 5)).toBe(false);
    expect([ecn.state, ecn.experienced]).toEqual(['failed', experienced]);
  });

  it('is not impressed by losses while others arrive', () => {
    const ecn = testing(10);
    ecn.onLost(0, 9);
    ecn.onAck(1, 9, true, 1, 0, 0);
    expect(ecn.state).toBe('capable');
    ecn.decide();
    ecn.onSent(10, 50);
    ecn.onLost(10, 50);
    expect(ecn.state).toBe('capable');
  });

  it('stops marking when nothing comes back, and goes on with what is left of the test when it was bad luck', () => {
    const ecn = testing(2);
    ecn.onTimeout(1);
    expect([ecn.state, ecn.decide()]).toEqual(['unknown', false]);
    ecn.onLost(0, 2);
    expect([ecn.state, ecn.decide()]).toEqual(['testing', true]);
    ecn.onSent(5, 1);
    ecn.onAck(1, 5, true, 1, 0, 0);
    expect(ecn.state).toBe('capable');
  });

  it('gives up a path on which every marked packet is lost, after three timeouts at the latest', () => {
    const ecn = testing(1);
    for (let pn = 0; pn < 30; pn += 10) {
      expect(ecn.state).toBe('testing');
      if (pn > 0) {
        ecn.decide();
        ecn.onSent(pn, 1);
      }
      ecn.onTimeout(1);
      ecn.onLost(pn, 1);
    }
    expect(ecn.state).toBe('failed');
  });

  it('tests a path anew that fell silent', () => {
    const ecn = testing(10);
    ecn.onAck(10, 9, true, 10, 0, 0);
    ecn.decide();
    ecn.onSent(10, 5);
    ecn.onTimeout(1);
    expect(ecn.state).toBe('capable');
    ecn.onTimeout(2);
    expect([ecn.state, ecn.decide()]).toEqual(['unknown', false]);
    // Lost ones from before say nothing: all were.
    ecn.onAck(0, -1, true, 10, 0, 0);
    ecn.onLost(10, 5);
    expect([ecn.state, ecn.decide()]).toEqual(['testing', true]);
    ecn.onSent(20, 10);
    // Late ones from before prove nothing.
    ecn.onAck(1, 12, true, 11, 0, 0);
    expect(ecn.state).toBe('testing');
    ecn.onLost(20, 10);
    expect(ecn.state).toBe('failed');
  });

  it('tests another path anew, with counts that run on', () => {
    const ecn = testing(10);
    ecn.onAck(4, 3, true, 2, 0, 0);
    expect(ecn.state).toBe('failed');
    ecn.onAck(2, 5, true, 2, 3, 1);
    ecn.onPath(true);
    expect(ecn.state).toBe('testing');
    expect(ecn.onSent(10, 1)).toBe(false);
    ecn.decide();
    ecn.onSent(11, 10);
    // CE marks of the path before are no news.
    expect(ecn.onAck(5, 15, true, 7, 3, 1)).toBe(false);
    expect(ecn.state).toBe('capable');
  });
});
