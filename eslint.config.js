import tseslint from 'typescript-eslint'

/*
 * The rules that keep the packages apart and core pure. Formatting is prettier's business, types are the compiler's.
 * `scripts/checks/lint.test.mjs` proves that each of them bites.
 */

const tests = ['packages/*/src/**/*.test.ts', 'packages/*/src/**/testing.ts']

// ---- imports ------------------------------------------------------------------------------------------------------

/** Holds everywhere: fp-ts and io-ts have no `exports` map, so a folder import type-checks and then dies in Node's ESM. */
const everywhere = [
  {
    regex: '^(fp-ts|io-ts)/(?!lib/.+\\.js$)',
    message: "Folder imports crash in Node: use `import { either as E } from 'fp-ts'` or 'fp-ts/lib/function.js'.",
  },
  {
    regex:
      '^(@durian/[^/]+|(\\.\\./)+(packages/)?(core|backend-tfjs|backend-node|backend-webgpu|trainer|bench))/(src|dist)(/|$)',
    message: 'Another package is what its `exports` say: import it by name, not by its src/ or dist/.',
  },
  { regex: '^\\.{1,2}/.*\\.js$', message: 'Relative imports end in `.ts`.' },
]

const noSiblingsBut = (...allowed) => ({
  regex: allowed.length === 0 ? '^@durian/' : `^@durian/(?!(${allowed.join('|')})(/|$))`,
  message: `Of the other packages, this part may import ${allowed.join(', ') || 'none'} (docs/architecture.md, directions).`,
})

const doorToFpTs = { regex: '^fp-ts(/|$)', message: 'Import from ./fp.ts: it is the only door to fp-ts.' }
const codecsOnly = { regex: '^io-ts(/|$)', message: 'io-ts stays in core/src/codec.' }
const lawsOnly = {
  regex: '^(fast-check|vitest)(/|$)',
  message: 'fast-check belongs to laws/ and tests, vitest to tests.',
}
const noNode = {
  regex: '^(node:|(fs|path|os|url|crypto|child_process|worker_threads|stream|util|assert|buffer|perf_hooks)(/|$))',
  message: 'core is pure: it runs in Node, Deno and browsers alike.',
}
const noNodeInBrowser = {
  regex: '^(node:|webgpu$)',
  message: 'This runs in browsers too: Node and Dawn enter backend-webgpu through src/node.ts.',
}
const doorsToNode = ['node', 'probe', 'probeMain'].map((name) => `packages/backend-webgpu/src/${name}.ts`)
const noTensorFlow = { regex: '^@tensorflow/', message: 'Only the backend packages know TensorFlow.js.' }
const tensorFlowAsType = {
  regex: '^@tensorflow/',
  allowTypeImports: true,
  message: 'backend-tfjs gets `tf` passed in; it may name its types, not load it.',
}

const imports = (...patterns) => ({
  '@typescript-eslint/no-restricted-imports': ['error', { patterns: [...everywhere, ...patterns] }],
})

// ---- purity -------------------------------------------------------------------------------------------------------

const effects = [
  ...['process', 'console', 'performance', 'Date', 'fetch', 'crypto', 'globalThis', 'global', 'Buffer', 'require'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'window', 'self', 'document', 'navigator'],
].map((name) => ({ name, message: 'core is pure: same arguments, same answer. Pass it in as a value.' }))

const nodeOnly = ['process', 'Buffer', 'require', 'global'].map((name) => ({
  name,
  message: 'This runs in browsers too: Node enters through backend-webgpu/src/node.ts.',
}))

const noRandom = {
  object: 'Math',
  property: 'random',
  message: 'Draws are reproducible: pass a seed (core/src/random).',
}

const noDefaultExport = [
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  { selector: 'ExportSpecifier[exported.name="default"]', message: 'Named exports only.' },
]
const noDynamicImport = { selector: 'ImportExpression', message: 'core is pure: it loads nothing at run time.' }

// ---- the list -----------------------------------------------------------------------------------------------------

export default tseslint.config(
  {
    ignores: ['**/dist/**', '**/node_modules/**', '.cache/**', 'runs/**', 'data/**', '**/goldens/**', '**/fixtures/**'],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['packages/*/src/**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: 'error',
      'no-restricted-properties': ['error', noRandom],
      'no-restricted-syntax': ['error', ...noDefaultExport],
      'no-var': 'error',
      'prefer-const': 'error',
      ...imports(),
    },
  },

  // core
  {
    files: ['packages/core/src/**/*.ts'],
    ignores: tests,
    rules: {
      'no-restricted-globals': ['error', ...effects],
      'no-restricted-syntax': ['error', ...noDefaultExport, noDynamicImport],
      ...imports(noSiblingsBut(), doorToFpTs, codecsOnly, lawsOnly, noNode, noTensorFlow),
    },
  },
  { files: ['packages/core/src/fp.ts'], rules: imports(noSiblingsBut(), codecsOnly, lawsOnly, noNode, noTensorFlow) },
  {
    files: ['packages/core/src/codec/**/*.ts'],
    ignores: tests,
    rules: imports(noSiblingsBut(), doorToFpTs, lawsOnly, noNode, noTensorFlow),
  },
  {
    files: ['packages/core/src/laws/**/*.ts'],
    ignores: tests,
    rules: imports(noSiblingsBut(), doorToFpTs, codecsOnly, noNode, noTensorFlow),
  },
  { files: ['packages/core/src/**/*.test.ts'], rules: imports(noSiblingsBut(), noTensorFlow) },

  // backends
  {
    files: ['packages/backend-tfjs/src/**/*.ts'],
    ignores: tests,
    rules: imports(noSiblingsBut('core'), tensorFlowAsType),
  },
  { files: ['packages/backend-tfjs/src/**/*.test.ts'], rules: imports(noSiblingsBut('core')) },
  { files: ['packages/backend-node/src/**/*.ts'], rules: imports(noSiblingsBut('core', 'backend-tfjs')) },
  { files: ['packages/backend-webgpu/src/**/*.ts'], rules: imports(noSiblingsBut('core', 'backend-tfjs')) },
  // what a browser loads: everything but the door to Dawn
  {
    files: ['packages/backend-webgpu/src/**/*.ts'],
    ignores: [...tests, ...doorsToNode],
    rules: {
      'no-restricted-globals': ['error', ...nodeOnly],
      ...imports(noSiblingsBut('core', 'backend-tfjs'), noNodeInBrowser),
    },
  },

  // trainer: only the command line (and tests) may name a backend
  {
    files: ['packages/trainer/src/**/*.ts'],
    ignores: [...tests, 'packages/trainer/src/cli/**'],
    rules: imports(noSiblingsBut('core'), noTensorFlow),
  },
  {
    files: [
      'packages/trainer/src/cli/**/*.ts',
      'packages/trainer/src/**/*.test.ts',
      'packages/trainer/src/**/testing.ts',
    ],
    rules: imports(noSiblingsBut('core', 'backend-node', 'backend-webgpu'), noTensorFlow),
  },

  // scripts: plain JavaScript for Node, no build
  {
    files: ['scripts/**/*.mjs', '*.config.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'performance', 'Buffer', 'URL', 'setTimeout', 'setInterval', 'clearInterval'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
    rules: {
      'no-undef': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
)
