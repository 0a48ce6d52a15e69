import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../../../lib/engine/id-table.js';
import { PathTable } from '../../../lib/engine/path-table.js';
import { NONE } from '../../../lib/ports/packet-engine.js';
import { encodeAddress } from '../../../lib/wire/address.js';

function id(number: number): Uint8Array {
  return Uint8Array.of(0xff, number >>> 24, number >>> 16, number >>> 8, number, 0, 0, number);
}

describe('table of ids', () => {
  it('agrees with a Map, whatever is set and deleted', () => {
    const step = fc.tuple(fc.constantFrom('set', 'set', 'delete', 'get'), fc.nat(60), fc.nat(1000));
    fc.assert(
      fc.property(fc.integer(), fc.array(step, { maxLength: 500 }), (salt, steps) => {
        const table = new IdTable(salt);
        const model = new Map<number, number>();
        for (const [action, key, value] of steps) {
          if (action === 'set') {
            table.set(id(key), 0, value);
            model.set(key, value);
          } else if (action === 'delete') {
            table.delete(id(key), 0);
            model.delete(key);
          }
          expect(table.get(id(key), 0)).toBe(model.get(key) ?? -1);
          expect(table.size).toBe(model.size);
        }
        for (let key = 0; key <= 60; key++) expect(table.get(id(key), 0)).toBe(model.get(key) ?? -1);
      }),
      { numRuns: 300 },
    );
  });

  it('reads the id at the position given', () => {
    const table = new IdTable(1);
    table.set(Uint8Array.of(9, ...id(5)), 1, 7);
    expect(table.get(Uint8Array.of(1, 2, 3, ...id(5)), 3)).toBe(7);
  });
});

describe('table of paths', () => {
  const address = (number: number): Uint8Array => encodeAddress(`10.0.0.${number & 3}`, 1000 + (number >> 2))!;

  it('agrees with a model, whatever is opened and closed', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(80));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new PathTable(7);
        const model = new Map<number, { path: number; count: number }>();
        for (const [open, key] of steps) {
          const known = model.get(key);
          if (open) {
            const path = table.open(address(key));
            if (known === undefined) {
              for (const other of model.values()) expect(other.path).not.toBe(path);
              model.set(key, { path, count: 1 });
            } else {
              expect(path).toBe(known.path);
              known.count++;
            }
            expect(table.address(path)).toEqual(address(key));
          } else if (known !== undefined) {
            table.close(known.path);
            if (--known.count === 0) model.delete(key);
            table.settle();
          }
          expect(table.find(address(key))).toBe(model.get(key)?.path ?? NONE);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('uses an id again only after it is settled', () => {
    const table = new PathTable(7);
    const first = table.open(address(1));
    table.close(first);
    expect(table.address(first)).toBeUndefined();
    const second = table.open(address(2));
    expect(second).not.toBe(first);
    table.settle();
    expect(table.open(address(3))).toBe(first);
  });

  it('keeps a copy of the address', () => {
    const table = new PathTable(7);
    const octets = Buffer.from(address(1));
    const path = table.open(octets);
    octets.fill(0);
    expect(table.address(path)).toEqual(address(1));
  });

  it('ignores the closing of what is not open', () => {
    const table = new PathTable(7);
    table.close(0);
    table.close(NONE);
    expect(table.open(address(1))).toBe(0);
  });
});
