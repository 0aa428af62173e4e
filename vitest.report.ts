import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'

/** What `npm test` adds up: counts, and for each test that did not pass its name and why. */
export interface TestReport {
  readonly passed: number
  readonly failed: ReadonlyArray<{ readonly name: string; readonly reason: string }>
  readonly skipped: ReadonlyArray<{ readonly name: string; readonly reason: string }>
}

const firstLine = (text: string | undefined): string => text?.split('\n')[0] ?? ''

const nameOf = (module: TestModule, test?: TestCase): string =>
  test === undefined ? module.relativeModuleId : `${module.relativeModuleId} > ${test.fullName}`

/** `it.skipIf` has no note: its reason stands in the title, as "(skipped: …)". */
const reasonInTitle = (name: string): string => (name.includes('(skipped: ') ? '' : 'no reason given')

/** Faults that belong to no test: a file that could not be loaded, a rejected promise nobody waited for. */
const faults = (modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<SerializedError>) => [
  ...modules.flatMap((module) =>
    module.errors().map((error) => ({ name: nameOf(module), reason: firstLine(error.message) })),
  ),
  ...modules.flatMap((module) =>
    [...module.children.allSuites()].flatMap((suite) =>
      suite
        .errors()
        .map((error) => ({ name: `${nameOf(module)} > ${suite.fullName}`, reason: firstLine(error.message) })),
    ),
  ),
  ...unhandled.map((error) => ({ name: 'outside any test', reason: firstLine(error.message) })),
]

/** Writes `.vitest-report.json` beside the package's vitest config; vitest's own JSON leaves out why a test was skipped. */
export const countingReporter = (): Reporter => {
  let folder = '.'
  return {
    onInit: (vitest) => {
      folder = vitest.config.root
    },
    onTestRunEnd: (modules, unhandled) => {
      const tests = modules.flatMap((module) => [...module.children.allTests()].map((test) => ({ module, test })))
      const failed = faults(modules, unhandled)
      const skipped: Array<{ name: string; reason: string }> = []
      let passed = 0
      for (const { module, test } of tests) {
        const result = test.result()
        const name = nameOf(module, test)
        if (result.state === 'passed') passed++
        else if (result.state === 'skipped') skipped.push({ name, reason: result.note ?? reasonInTitle(name) })
        else failed.push({ name, reason: firstLine(result.errors?.[0]?.message) || 'did not finish' })
      }
      const report: TestReport = { passed, failed, skipped }
      writeFileSync(join(folder, '.vitest-report.json'), `${JSON.stringify(report, null, 1)}\n`)
    },
  }
}
