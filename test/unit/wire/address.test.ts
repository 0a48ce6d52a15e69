import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ADDRESS_OCTETS } from '../../../lib/ports/packet-engine.js';
import {
  addressHost,
  addressPort,
  addressScope,
  encodeAddress,
  formatAddress,
  isIPv4Address,
  sameAddress,
  writeAddress,
} from '../../../lib/wire/address.js';

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');

describe('address text to octets', () => {
  it('maps IPv4 into IPv6', () => {
    expect(hex(encodeAddress('192.0.2.1', 0x1234))).toBe('00000000000000000000ffffc0000201' + '1234' + '00000000');
  });

  it('reads IPv6 in all its forms', () => {
    const cases: [string, string][] = [
      ['::', '00000000000000000000000000000000'],
      ['::1', '00000000000000000000000000000001'],
      ['1::', '00010000000000000000000000000000'],
      ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
      ['2001:0DB8:0:0:1:2:3:4', '20010db8000000000001000200030004'],
      ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
      ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
      ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
      ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
    ];
    for (const [text, octets] of cases) expect(hex(encodeAddress(text, 0)), text).toBe(octets + '0000' + '00000000');
  });

  it('keeps the scope id, by number or by name', () => {
    expect(addressScope(encodeAddress('fe80::1%2147483647', 7)!)).toBe(2147483647);
    expect(addressScope(encodeAddress('fe80::1%eth0', 7, (zone) => (zone === 'eth0' ? 3 : 0))!)).toBe(3);
    expect(addressHost(encodeAddress('fe80::1%3', 7)!)).toBe('fe80::1%3');
    expect(addressHost(encodeAddress('fe80::1%3', 7)!, 0, 'eth0')).toBe('fe80::1%eth0');
  });

  it('refuses what is no numeric address', () => {
    const bad = ['', 'localhost', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', '0x1.2.3.4', '1.2.3.-4'];
    bad.push(
      ':',
      ':::',
      '::1::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      '::g',
      '1.2.3.4::',
    );
    bad.push(
      '::1.2.3',
      '1.2.3.4:1::',
      '1:2:3:4:5:6:7:1.2.3.4',
      '[::1]',
      'fe80::1%',
      'fe80::1%eth0',
      'fe80::1%4294967296',
    );
    bad.push('1.2.3.4%1', 'fe80::1%0', '::1%' + '1'.repeat(100), ':'.repeat(100_000));
    for (const text of bad) expect(encodeAddress(text, 1), text.slice(0, 40)).toBeUndefined();
  });

  it('refuses what is no port', () => {
    for (const port of [-1, 65_536, 1.5, Number.NaN, Infinity]) expect(encodeAddress('::1', port)).toBeUndefined();
  });

  it('agrees with Node on what is an address, and never throws', () => {
    const character = fc.constantFrom(...'0123456789abcdefF:::...%x'.split(''));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: character, maxLength: 24 })), (text) => {
        fc.pre(!text.includes('%'));
        expect(encodeAddress(text, 1) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        expect(encodeAddress(text, 1) !== undefined, text).toBe(isIP(text) !== 0);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('address octets to text', () => {
  it('prints IPv6 as RFC 5952 says', () => {
    const cases: [string, string][] = [
      ['2001:0db8:0000:0000:0000:0000:0002:0001', '2001:db8::2:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
      ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['0:0:0:0:0:0:0:0', '::'],
      ['1:0:0:0:0:0:0:0', '1::'],
      ['ABCD::', 'abcd::'],
    ];
    for (const [text, printed] of cases) expect(addressHost(encodeAddress(text, 0)!)).toBe(printed);
  });

  it('prints endpoints with brackets where they are needed', () => {
    expect(formatAddress(encodeAddress('::ffff:192.0.2.1', 80)!)).toBe('192.0.2.1:80');
    expect(formatAddress(encodeAddress('2001:db8::1', 65535)!)).toBe('[2001:db8::1]:65535');
  });

  it('gives back every address it prints', () => {
    const octets = fc.uint8Array({ minLength: ADDRESS_OCTETS, maxLength: ADDRESS_OCTETS });
    const sparse = fc
      .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: ADDRESS_OCTETS, maxLength: ADDRESS_OCTETS })
      .map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(fc.oneof(octets, sparse), fc.nat(5), (address, at) => {
        const copy = new Uint8Array(at + ADDRESS_OCTETS);
        copy.set(address, at);
        copy[at + 18]! &= 0x7f;
        if (isIPv4Address(address)) copy.fill(0, at + 18);
        const back = new Uint8Array(at + ADDRESS_OCTETS).fill(0xee);
        expect(writeAddress(back, at, addressHost(copy, at), addressPort(copy, at))).toBe(true);
        expect(sameAddress(back, at, copy, at)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
