// The simulation that the tests use, built for Node: loss recovery, congestion controllers and pacer of the product on a
// virtual clock.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const entry = fileURLToPath(new URL('../../../test/support/sim/congestion/index.ts', import.meta.url));
const { output } = await build({
  configFile: false,
  logLevel: 'error',
  build: { ssr: entry, write: false, minify: false, target: 'node20' },
});
const url = `data:text/javascript;base64,${Buffer.from(output[0].code).toString('base64')}`;

export const { ALGORITHMS, cubicModel, PACKET, runScenario } = await import(url);
