import { FrameFlag, PacketFrame } from '../constants.js';

const TWO_32 = 0x100000000;

/** Writes the 16 octets of a STREAM frame before its payload (STT §6) to the beginning of `out`. */
export function writeStreamHeader(
  out: Uint8Array,
  streamId: number,
  offset: number,
  fin: boolean,
  length: number,
): void {
  const high = Math.floor(offset / TWO_32);
  out[0] = PacketFrame.STREAM;
  out[1] = fin ? FrameFlag.STREAM_END : 0;
  writeWord(out, 2, streamId);
  writeWord(out, 6, high);
  writeWord(out, 10, offset);
  out[14] = length >>> 8;
  out[15] = length;
}

function writeWord(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}
