import { describe, expect, it } from 'vitest';
import { EcnValidator } from '../../../lib/protocol/ecn.js';

function testing(sent: number): EcnValidator {
  const ecn = new EcnValidator();
  ecn.start();
  ecn.onMarkedSent(sent);
  return ecn;
}

describe('ECN validation', () => {
  it('marks nothing until it is started', () => {
    const ecn = new EcnValidator();
    expect(ecn.marking).toBe(false);
    expect(ecn.onAck(0, true, 0, 0, 5)).toBe(0);
    ecn.start();
    expect(ecn.marking).toBe(true);
  });

  it('marks ten packets and then waits for the peer to confirm', () => {
    const ecn = testing(10);
    expect(ecn.marking).toBe(false);
    expect(ecn.onAck(4, true, 4, 0, 0)).toBe(0);
    expect(ecn.marking).toBe(true);
  });

  it('gives the new CE marks', () => {
    const ecn = testing(10);
    expect(ecn.onAck(4, true, 3, 0, 1)).toBe(1);
    expect(ecn.onAck(6, true, 7, 0, 3)).toBe(2);
    expect(ecn.marking).toBe(true);
  });

  it.each([
    ['counts are missing', (ecn: EcnValidator) => ecn.onAck(1, false, 0, 0, 0)],
    ['marks were removed', (ecn: EcnValidator) => ecn.onAck(3, true, 2, 0, 0)],
    ['marks became ECT(1)', (ecn: EcnValidator) => ecn.onAck(3, true, 3, 1, 0)],
    ['more is counted than was sent', (ecn: EcnValidator) => ecn.onAck(3, true, 11, 0, 0)],
    [
      'counts go down',
      (ecn: EcnValidator) => {
        ecn.onAck(3, true, 3, 0, 0);
        ecn.onAck(0, true, 2, 0, 0);
      },
    ],
  ])('fails for good when %s', (_, act) => {
    const ecn = testing(10);
    act(ecn);
    expect(ecn.failed).toBe(true);
    expect(ecn.marking).toBe(false);
    ecn.start();
    expect(ecn.marking).toBe(false);
    expect(ecn.onAck(1, true, 5, 0, 5)).toBe(0);
  });

  it('tests another path anew', () => {
    const ecn = testing(10);
    ecn.onAck(4, true, 4, 0, 0);
    ecn.restart();
    ecn.onMarkedSent(10);
    expect(ecn.marking).toBe(false);
    ecn.onAck(5, true, 9, 0, 0);
    expect(ecn.marking).toBe(true);
  });
});
