import type { Writable } from 'node:stream';
import { ProgressBar, type Progress } from './progress-bar.js';

/** Without a terminal a line about the progress now and then keeps logs readable. */
const PLAIN_INTERVAL_MS = 5000;
const BAR_INTERVAL_MS = 100;
const JSON_INTERVAL_MS = 250;

export interface OutputOptions {
  readonly stdout: Writable & { isTTY?: boolean };
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
  readonly json: boolean;
}

/**
 * What a command says: results for people or, with `--json`, for scripts on standard output; warnings, errors and the
 * progress on standard error. Standard output can be given up to a file's octets.
 */
export class Output {
  readonly #stdout: OutputOptions['stdout'];
  readonly #stderr: OutputOptions['stderr'];
  readonly json: boolean;
  #isDataOnStdout = false;
  readonly #bar: ProgressBar | undefined;
  #barLine = '';
  #timer: NodeJS.Timeout | undefined;

  constructor({ stdout, stderr, json }: OutputOptions) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.json = json;
    if (stderr.isTTY === true && !json) this.#bar = new ProgressBar();
  }

  /** From now on standard output carries octets; everything else goes to standard error. */
  reserveStdout(): void {
    this.#isDataOnStdout = true;
  }

  /** A result, as text for people (nothing with `--json`). */
  result(text: string): void {
    if (!this.json) this.#print(this.#isDataOnStdout ? this.#stderr : this.#stdout, text);
  }

  /** A result, as an object for scripts (nothing without `--json`). */
  event(event: Readonly<Record<string, unknown>>): void {
    if (this.json) this.#print(this.#isDataOnStdout ? this.#stderr : this.#stdout, JSON.stringify(event));
  }

  /** Something a person should know and scripts need not. */
  note(text: string): void {
    if (!this.json) this.#print(this.#stderr, text);
  }

  /** Something that is wrong. */
  warn(text: string): void {
    this.#print(this.#stderr, `stt: ${text}`);
  }

  /** Shows how far something is until `stopProgress`: a bar on a terminal, else lines, else events. */
  startProgress(progress: () => Progress): void {
    this.stopProgress();
    const interval = this.json ? JSON_INTERVAL_MS : this.#bar === undefined ? PLAIN_INTERVAL_MS : BAR_INTERVAL_MS;
    this.#bar?.reset();
    const meter = this.#bar ?? new ProgressBar();
    meter.update(performance.now(), progress().octets);
    this.#timer = setInterval(() => {
      const now = performance.now();
      const state = progress();
      meter.update(now, state.octets);
      if (this.json) this.event({ event: 'progress', ...state, octetsPerSecond: Math.round(meter.rate) });
      else if (this.#bar === undefined) this.#print(this.#stderr, meter.plain(state));
      else this.#draw(meter.line(state, this.#stderr.columns || 80));
    }, interval);
    this.#timer.unref();
  }

  stopProgress(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw('');
  }

  #print(stream: Writable, text: string): void {
    const bar = this.#barLine;
    this.#draw('');
    stream.write(`${text}\n`);
    this.#draw(bar);
  }

  #draw(line: string): void {
    if (line === '' && this.#barLine === '') return;
    this.#barLine = line;
    // Carriage return, the line, and "erase to the end of the line".
    this.#stderr.write(`\r${line}\u001b[K`);
  }
}
