import { defineConfig } from 'vitest/config'

/**
 * What every package's tests share: sources of sibling packages are taken through the `source` condition of their
 * `exports`, so no build is needed before a test, and a machine-readable report lands beside the package for the count at the end.
 */
export default defineConfig({
  resolve: { conditions: ['source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['source', 'node', 'import', 'default'], externalConditions: ['source', 'node', 'import', 'default'] } },
  test: {
    include: ['src/**/*.test.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest-report.json' },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    server: { deps: { inline: [/@durian\//] } },
  },
})
