import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// Rule 2 of docs/architecture.md: time, randomness and I/O are arguments of these layers.
const SANS_IO = [
  'lib/protocol/**/*.ts',
  'lib/wire/**/*.ts',
  'lib/engine/**/*.ts',
  'lib/stc/**/*.ts',
  'lib/ports/**/*.ts',
];
// A provider is where the platform's cryptography comes in.
const PLATFORM = ['lib/stc/node-*.ts', 'lib/stc/native-*.ts', 'lib/stc/noble-provider.ts'];

const STYLE = [
  { selector: 'TSEnumDeclaration', message: 'Use an `as const` object.' },
  { selector: 'PropertyDefinition[accessibility="private"]', message: 'Use a #private field.' },
  { selector: 'MethodDefinition[accessibility="private"][kind!="constructor"]', message: 'Use a #private method.' },
];

const argument = (what) => `${what} is an argument in a sans-IO layer (docs/architecture.md, rule 2).`;

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'prebuilds/', 'reports/', 'coverage/', 'benchmarks/results/', 'native/'] },
  js.configs.recommended,
  tseslint.configs.strict,
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'object-shorthand': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      // Parsers and name checks are about control characters.
      'no-control-regex': 'off',
      // Typed arrays are indexed under invariants that the compiler cannot see.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Observers and test doubles rightly have methods that do nothing.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'Buffer',
          'URL',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'setImmediate',
          'clearImmediate',
          'queueMicrotask',
          'performance',
          'TextEncoder',
          'TextDecoder',
          'AbortController',
          'AbortSignal',
          'structuredClone',
          'globalThis',
          'module',
          'require',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['examples/browser/page/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['document', 'location', 'localStorage', 'crypto', 'atob', 'Blob', 'CSS'].map((name) => [name, 'readonly']),
      ),
    },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: ['lib/**/*.ts', 'test/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/only-throw-error': ['error', { allowRethrowing: true, allowThrowingUnknown: true }],
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      // The command and its parts print; a library does not.
      'no-console': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      'no-restricted-syntax': ['error', ...STYLE],
    },
  },
  {
    files: SANS_IO,
    ignores: PLATFORM,
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*'], message: argument('What the platform does') }] },
      ],
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'].map(
          (name) => ({
            name,
            message: argument('Time'),
          }),
        ),
        ...['performance', 'queueMicrotask'].map((name) => ({ name, message: argument('Time') })),
        { name: 'crypto', message: argument('Randomness') },
        { name: 'process', message: argument('What the platform does') },
        { name: 'Buffer', message: 'Use Uint8Array: these layers run in browsers, too.' },
        { name: 'Promise', message: 'A sans-IO layer answers at once: handle*, poll*, pollTimeout.' },
        { name: 'EventTarget', message: 'Give an observer instead.' },
        { name: 'fetch', message: argument('I/O') },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: argument('Time') },
        { object: 'Math', property: 'random', message: argument('Randomness') },
        { object: 'globalThis', property: 'crypto', message: argument('Randomness') },
        { object: 'globalThis', property: 'process', message: argument('What the platform does') },
        { object: 'globalThis', property: 'Buffer', message: 'Use Uint8Array.' },
      ],
      'no-restricted-syntax': [
        'error',
        ...STYLE,
        { selector: ':function[async=true]', message: 'A sans-IO layer answers at once: handle*, poll*, pollTimeout.' },
        { selector: 'AwaitExpression', message: 'A sans-IO layer answers at once: handle*, poll*, pollTimeout.' },
        { selector: 'NewExpression[callee.name="Date"]', message: argument('Time') },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
    },
  },
);
