import { type Case, type HarnessOptions, type Result, timed } from './harness.ts'

/** Time cases one after the other, naming each on stderr before it begins. */
export const timedCases = async (
  cases: ReadonlyArray<Case>,
  options: HarnessOptions,
): Promise<ReadonlyArray<Result>> => {
  const results: Result[] = []
  for (const one of cases) {
    process.stderr.write(`${one.suite}: ${one.name}, ${one.size} …\n`)
    results.push(await timed(one, options))
  }
  return results
}
