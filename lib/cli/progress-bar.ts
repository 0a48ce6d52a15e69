import { printable } from '../transfer/safe-path.js';
import { formatDuration, formatOctets, formatRate } from './format.js';

/** Where a transfer is. */
export interface Progress {
  /** What is being moved now, as its owner named it. */
  readonly label: string;
  readonly octets: number;
  /** Undefined if unknown. */
  readonly total: number | undefined;
  /** What carries it. Said only of 'websocket': that is the exception. */
  readonly transport?: 'udp' | 'websocket';
}

/** Time over which the rate is averaged: long enough to read, short enough to follow. */
const WINDOW_MS = 3000;
const LABEL_WIDTH = 24;

/** Rate, time left, and the line that shows them. */
export class ProgressBar {
  #samples: { now: number; octets: number }[] = [];

  reset(): void {
    this.#samples = [];
  }

  update(now: number, octets: number): void {
    this.#samples.push({ now, octets });
    while (this.#samples.length > 2 && now - this.#samples[0]!.now > WINDOW_MS) this.#samples.shift();
  }

  /** Octets per second, lately. */
  get rate(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.now <= first.now) return 0;
    return ((last.octets - first.octets) * 1000) / (last.now - first.now);
  }

  /** A line that fits `columns`. */
  line({ label, octets, total, transport }: Progress, columns: number): string {
    const name = shorten(printable(label), LABEL_WIDTH);
    const numbers = `${via(transport)}${formatOctets(octets)}${total === undefined ? '' : ` of ${formatOctets(total)}`}  ${this.#speed(octets, total)}`;
    if (total === undefined) return `${name}  ${numbers}`.slice(0, Math.max(0, columns - 1));
    const share = total === 0 ? 1 : Math.min(1, octets / total);
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    const width = columns - 1 - cells(name) - numbers.length - 12;
    if (width < 5) return `${name} ${percent} %  ${numbers}`.slice(0, Math.max(0, columns - 1));
    const done = Math.round(share * width);
    return `${name} ${percent} %  [${'='.repeat(done)}${' '.repeat(width - done)}]  ${numbers}`;
  }

  /** The same for a log. */
  plain({ label, octets, total, transport }: Progress): string {
    const share = total === undefined || total === 0 ? '' : ` (${Math.floor((octets / total) * 100)} %)`;
    return `${via(transport)}${printable(label)}: ${formatOctets(octets)}${total === undefined ? '' : ` of ${formatOctets(total)}`}${share}, ${this.#speed(octets, total)}`;
  }

  #speed(octets: number, total: number | undefined): string {
    const rate = this.rate;
    if (total === undefined || rate <= 0) return formatRate(rate);
    return `${formatRate(rate)}  ${formatDuration((total - octets) / rate)} left`;
  }
}

function via(transport: Progress['transport']): string {
  return transport === 'websocket' ? 'WebSocket: ' : '';
}

/** Exactly `width` cells. Keeps the end of what is too long, since that tells files apart. */
function shorten(text: string, width: number): string {
  if (cells(text) <= width) return text + ' '.repeat(width - cells(text));
  const characters = [...text];
  let left = width - 1;
  let from = characters.length;
  while (from > 0 && cells(characters[from - 1]!) <= left) left -= cells(characters[--from]!);
  return `…${characters.slice(from).join('')}${' '.repeat(left)}`;
}

/** Cells of a terminal at most: from Hangul on, where the wide scripts begin, characters may take two. */
function cells(text: string): number {
  let sum = 0;
  for (const character of text) sum += character.codePointAt(0)! >= 0x1100 && character !== '…' ? 2 : 1;
  return sum;
}
