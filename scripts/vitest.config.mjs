import { defineConfig } from 'vitest/config'
import { countingReporter } from '../vitest.report.ts'

/** Tests of the repository itself: its scripts, its lint rules, its map of the paper. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.mjs'],
    reporters: ['default', countingReporter()],
    testTimeout: 120_000,
    pool: 'forks',
  },
})
