/** Seeds of the long simulations: `SIM_SEEDS` of them, from `SIM_FIRST_SEED` on; else `fallback` from `begin` on. */
export function seeds(fallback: number, begin = 1): number[] {
  const count = Number(process.env['SIM_SEEDS'] ?? fallback);
  const first = Number(process.env['SIM_FIRST_SEED'] ?? begin);
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Runs a simulation for every seed; what it throws names the seed. */
export function forEachSeed(fallback: number, run: (seed: number) => void, begin = 1): void {
  for (const seed of seeds(fallback, begin)) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(
        `seed ${seed}: ${(error as Error).message} (run it alone with SIM_FIRST_SEED=${seed} SIM_SEEDS=1)`,
        {
          cause: error,
        },
      );
    }
  }
}
