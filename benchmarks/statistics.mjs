// What is told of several runs.

/** Least, middle and most of some numbers. */
export function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return { least: sorted[0], median: sorted[sorted.length >> 1], most: sorted.at(-1) };
}

export function median(numbers) {
  return spread(numbers).median;
}

/** The runs that count: those that did not fail, and of them those that nobody disturbed, if there are any. */
export function counted(runs) {
  const good = runs.filter((run) => run.failed === undefined);
  const quiet = good.filter((run) => !run.disturbed);
  return quiet.length > 0 ? quiet : good;
}
