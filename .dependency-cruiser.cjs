// The layers of docs/architecture.md: imports point downwards only. A layer that is not named here may not exist.
const PURE = ['ports/', 'constants.ts', 'errors.ts', 'options.ts'];
const NODE_ERRORS = 'node-errors.ts';
const BASE = [...PURE, 'diagnostics.ts', NODE_ERRORS, 'option-hints.ts'];

/** What each part of lib/ may import besides itself, npm packages aside. */
const LAYERS = {
  // An observer of sessions names the streams it hears of.
  ports: ['constants.ts', 'protocol/stream.ts'],
  constants: [],
  wire: PURE,
  stc: ['wire/', NODE_ERRORS, ...PURE],
  protocol: ['wire/', ...PURE],
  engine: ['wire/', ...PURE],
  native: ['wire/', ...BASE],
  transport: ['engine/', 'native/', 'wire/', ...BASE],
  chamber: ['stc/', 'wire/', 'native/', ...BASE],
  api: ['chamber/', 'protocol/', 'engine/', 'transport/', 'stc/', 'native/', 'wire/', ...BASE],
  // Browsers: what of lib/api has no Node in it, which the rule browser-is-pure checks.
  web: ['api/', 'protocol/', 'engine/', 'stc/', 'wire/', ...PURE],
  transfer: ['index.ts', 'api/', 'wire/', ...BASE],
  cli: ['index.ts', 'transfer/', 'chamber/', 'api/', 'protocol/', 'stc/', 'native/', 'wire/', ...BASE],
};
/** The one file of the crypto contract that knows the addon. */
const STC_TO_NATIVE = '^lib/stc/native-provider\\.ts$';
/** Files whose types name one another. */
const TYPE_CIRCLES = '^lib/(ports/session-observer|protocol/(stream|session-config))\\.ts$';

const escape = (path) => path.replaceAll('.', '\\.');
const layerRules = Object.entries(LAYERS).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  comment: `lib/${layer} may import ${allowed.join(', ')} only`,
  severity: 'error',
  from: { path: `^lib/${layer}/`, ...(layer === 'stc' ? { pathNot: STC_TO_NATIVE } : {}) },
  to: { path: '^lib/', pathNot: `^lib/(${[`${layer}/`, ...allowed].map(escape).join('|')})` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'layer-stc-native',
      comment: 'lib/stc/native-provider.ts may import lib/native/binding.ts besides what lib/stc may',
      severity: 'error',
      from: { path: STC_TO_NATIVE },
      to: {
        path: '^lib/',
        pathNot: `^lib/(${['stc/', 'native/binding.ts', 'wire/', ...BASE].map(escape).join('|')})`,
      },
    },
    {
      name: 'layer-unknown',
      comment: 'a directory of lib/ without a rule in .dependency-cruiser.cjs',
      severity: 'error',
      from: { path: '^lib/[^/]+/', pathNot: `^lib/(${Object.keys(LAYERS).join('|')})/` },
      to: {},
    },
    {
      name: 'layer-root',
      comment: 'constants, errors, options and diagnostics are the ground: they import only one another',
      severity: 'error',
      from: { path: '^lib/[^/]+\\.ts$', pathNot: '^lib/(index|browser)\\.ts$' },
      to: {
        path: '^lib/',
        pathNot: '^lib/(constants/[^/]+|constants|errors|node-errors|options|option-hints|diagnostics)\\.ts$',
      },
    },
    {
      name: 'layer-index',
      comment: 'the public surface shows what is below it, never the command',
      severity: 'error',
      from: { path: '^lib/(index|browser)\\.ts$' },
      to: { path: '^lib/(cli|transfer|index|browser)' },
    },
    {
      name: 'no-circular',
      comment: 'a circle of types alone vanishes in the compiled code; see no-circular-types',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-circular-types',
      comment: 'circles of types are for the few files that describe one thing together',
      severity: 'error',
      from: { pathNot: TYPE_CIRCLES },
      to: { circular: true },
    },
    {
      name: 'browser-is-pure',
      comment: 'what the browser entry reaches uses no built-in module of Node',
      severity: 'error',
      from: { path: '^lib/browser\\.ts$' },
      to: {
        path: '^(node:)?(assert|buffer|child_process|crypto|dgram|dns|events|fs|http|module|net|os|path|process|stream|timers|tls|url|util|worker_threads)(/|$)',
        reachable: true,
      },
    },
    {
      name: 'browser-is-small',
      comment: 'what errors say in Node only is not for pages to fetch',
      severity: 'error',
      from: { path: '^lib/browser\\.ts$' },
      to: { path: '^lib/node-errors\\.ts$', reachable: true },
    },
    {
      name: 'not-to-test',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(test|benchmarks|scripts)/' },
    },
    {
      name: 'not-to-dev-dependency',
      comment: 'what ships must not need a development dependency; one that is a peer dependency too is for tests here',
      severity: 'error',
      from: { path: '^lib/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer'],
        pathNot: 'node_modules/@types/',
      },
    },
    {
      name: 'optional-peer-in-one-place',
      comment: 'an optional package is imported where it is wanted, at run time',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/chamber/stores/redis-connection\\.ts$' },
      to: { dependencyTypes: ['npm-peer'] },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-orphans',
      comment: 'a file that nothing imports and that imports nothing',
      severity: 'error',
      from: { orphan: true, path: '^lib/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
