/** Runs of a model-based test: `MODEL_RUNS` of them, or as many as a run of all tests has time for. */
export function modelRuns(fallback: number): number {
  const wanted = process.env['MODEL_RUNS'];
  return wanted === undefined ? fallback : Number(wanted);
}
