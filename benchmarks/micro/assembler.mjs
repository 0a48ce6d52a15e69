// Putting a stream in order: 64 pieces of 1,355 octets, as they come in.
import { Assembler } from '../../dist/protocol/assembler.js';

const PIECE = 1355;
const COUNT = 64;
const bytes = new Uint8Array(PIECE).fill(7);
const ORDERS = {
  'in order': (i) => i,
  'every other pair swapped': (i) => ((i & 2) === 0 ? i : i ^ 1),
  backwards: (i) => COUNT - 1 - i,
};

function assembling(order) {
  const assembler = new Assembler();
  let octets = 0;
  const sink = { onOctets: (_bytes, begin, end) => (octets += end - begin) };
  return () => {
    const base = octets;
    for (let i = 0; i < COUNT; i++) assembler.push(base + order(i) * PIECE, bytes, 0, PIECE, sink);
    if (octets !== base + COUNT * PIECE) throw new Error('a piece is missing');
  };
}

export const title = `${COUNT} pieces of ${PIECE} octets`;
export const cases = Object.entries(ORDERS).map(([name, order]) => ({
  name,
  variants: { js: assembling(order) },
}));
