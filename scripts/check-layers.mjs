// Checks the import rules of .dependency-cruiser.cjs. Exits non-zero on a violation, and also if the tool did not see
// the files: it is known to find nothing, and to be content with that, when it cannot load a TypeScript compiler.
import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const config = await extractConfig('./.dependency-cruiser.cjs');
const { output } = await cruise(
  ['lib'],
  { ...config.options, validate: true, ruleSet: { forbidden: config.forbidden } },
  undefined,
  { tsConfig: extractTSConfig('./tsconfig.json') },
);

const files = readdirSync('lib', { recursive: true }).filter((name) => name.endsWith('.ts'));
const seen = output.modules.filter(({ source }) => source.startsWith('lib/') && source.endsWith('.ts'));
const dependencies = seen.reduce((sum, module) => sum + module.dependencies.length, 0);

for (const { rule, from, to, cycle } of output.summary.violations) {
  const route = cycle ? cycle.map(({ name }) => name).join(' -> ') : to;
  console.error(`${rule.name}: ${from} -> ${route}`);
}
let failed = output.summary.violations.length > 0;
if (seen.length < files.length || files.length === 0) {
  console.error(`check-layers: saw ${seen.length} of ${files.length} modules in lib/`);
  failed = true;
}
if (dependencies === 0) {
  console.error('check-layers: saw no import at all');
  failed = true;
}
if (!failed) console.log(`layers: ${seen.length} modules, ${dependencies} imports, all pointing downwards`);
process.exitCode = failed ? 1 : 0;
