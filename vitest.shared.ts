import { defineConfig } from 'vitest/config'
import { countingReporter } from './vitest.report.ts'

const conditions = ['source', 'node', 'import', 'default']

/**
 * What every package's tests share: sources of sibling packages are taken through the `source` condition of their
 * `exports`, so no build is needed before a test, and a report lands beside the package for the count at the end.
 */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    reporters: ['default', countingReporter()],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    server: { deps: { inline: [/@durian\//] } },
  },
})
