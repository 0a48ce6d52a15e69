// What both checks share: limits beside what was measured, the baseline, and the report that the gate counts.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BASELINE = fileURLToPath(new URL('baseline.json', import.meta.url));

export function readBaseline() {
  return JSON.parse(readFileSync(BASELINE, 'utf8'));
}

export function writeBaseline(baseline) {
  writeFileSync(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`);
}

/** Figures of one check, compared with their limits. */
export class Report {
  #name;
  #hint;
  #rows = [];

  /** `hint` says what to do if a limit is exceeded. */
  constructor(name, hint) {
    this.#name = name;
    this.#hint = hint;
  }

  /** A figure that is too high above `limit`. `baseline` undefined: there was none, which fails. */
  add(what, { value, baseline, limit, digits = 1 }) {
    this.#rows.push({ what, value, baseline, limit, digits, bad: !(value <= limit) });
  }

  /** What could not be measured, and why. */
  skip(what, why) {
    this.#rows.push({ what, why });
  }

  /** Prints, and with STT_REPORTS=DIR writes DIR/NAME.json. True if no limit is exceeded. */
  finish() {
    const width = Math.max(...this.#rows.map(({ what }) => what.length));
    for (const row of this.#rows) {
      const name = row.what.padEnd(width);
      if (row.why !== undefined) {
        console.log(`${name}  skipped: ${row.why}`);
        continue;
      }
      const fixed = (number) => number.toFixed(row.digits);
      const was =
        row.baseline === undefined ? 'no baseline' : `baseline ${fixed(row.baseline)}, limit ${fixed(row.limit)}`;
      console.log(`${name}  ${fixed(row.value)} (${was})${row.bad ? '  TOO MUCH' : notable(row)}`);
    }
    const bad = this.#rows.filter((row) => row.bad);
    if (bad.length > 0) console.log(`\n${this.#hint}`);
    const directory = process.env.STT_REPORTS;
    if (directory !== undefined) this.#write(join(directory, `${this.#name}.json`));
    return bad.length === 0;
  }

  #write(file) {
    const count = (test) => this.#rows.filter(test).length;
    const status = (row) => (row.why !== undefined ? 'skipped' : row.bad ? 'failed' : 'passed');
    const failed = count((row) => row.bad);
    writeFileSync(
      file,
      JSON.stringify({
        numTotalTests: this.#rows.length,
        numPassedTests: count((row) => status(row) === 'passed'),
        numFailedTests: failed,
        numPendingTests: count((row) => status(row) === 'skipped'),
        numTodoTests: 0,
        testResults: [
          {
            name: this.#name,
            status: failed > 0 ? 'failed' : 'passed',
            assertionResults: this.#rows.map((row) => ({ fullName: row.what, status: status(row) })),
          },
        ],
      }),
    );
  }
}

/** An improvement is worth a new baseline: else it could be lost again unnoticed. */
function notable({ value, baseline, limit }) {
  const slack = limit - baseline;
  return value < baseline - slack ? '  better than the baseline: update it' : '';
}
