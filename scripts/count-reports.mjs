// `node scripts/count-reports.mjs DIR report... -- failed-step...`: adds up the JSON reports of the tests and prints
// one line. Failures are also: a report that is missing, unreadable or empty, a test file that could not be run, and a
// failed step (one named "tests ..." only if no report tells of a failure, since it would be counted twice).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const args = process.argv.slice(2);
const separator = args.indexOf('--');
const [directory, ...names] = args.slice(0, separator);
const failedSteps = args.slice(separator + 1);

const total = { passed: 0, failed: 0, skipped: 0 };
const problems = [];
for (const name of names) {
  try {
    const report = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'));
    // A file that could not be run has no failed test.
    const brokenFiles = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
    );
    total.passed += report.numPassedTests;
    total.failed += report.numFailedTests;
    total.skipped += report.numPendingTests + report.numTodoTests;
    for (const file of brokenFiles) problems.push(`${name}: ${file.name} could not be run`);
    for (const { assertionResults } of report.testResults) {
      for (const test of assertionResults)
        if (test.status === 'failed') console.log(`failed: ${name}: ${test.fullName}`);
    }
    if (report.numTotalTests === 0) problems.push(`${name}: no tests`);
  } catch (error) {
    problems.push(`${name}: no report (${error.message})`);
  }
}
for (const name of failedSteps) {
  if (!name.startsWith('tests') || total.failed + problems.length === 0) problems.push(`step failed: ${name}`);
}
for (const problem of problems) console.log(problem);
total.failed += problems.length;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
