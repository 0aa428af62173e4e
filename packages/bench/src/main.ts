import { join, relative } from 'node:path'
import { environment } from './environment.ts'
import { type Case, type Result, timed } from './harness.ts'
import { type Options, parseOptions, usage, UsageError } from './options.ts'
import { openNumPy } from './peers/numpy.ts'
import { type Report, saveReport } from './report.ts'
import { advantageCases } from './suites/advantages.ts'
import { entropyCases } from './suites/entropy.ts'
import { table } from './table.ts'

const resultsFolder = join(import.meta.dirname, '..', 'results')

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const timedCases = async (
  cases: ReadonlyArray<Case>,
  rounds: number,
  sampleMs: number,
): Promise<ReadonlyArray<Result>> => {
  const results: Result[] = []
  for (const one of cases) {
    say(`${one.suite}: ${one.name}, ${one.size} …`)
    results.push(await timed(one, { rounds, sampleMs }))
  }
  return results
}

const benchmark = async ({ suites, rounds }: Options): Promise<Report> => {
  const results: Result[] = []
  const peers: Record<string, Readonly<Record<string, string>>> = {}
  if (suites.includes('core')) {
    const numpy = await openNumPy()
    if (numpy === null) say('NumPy is not installed here (DURIAN_PYTHON names another Python): timed without it.')
    else peers['numpy'] = numpy.versions
    try {
      results.push(...(await timedCases([...advantageCases(), ...(await entropyCases(numpy))], rounds, 20)))
    } finally {
      numpy?.close()
    }
  }
  return {
    schema: 1,
    date: new Date().toISOString(),
    environment: environment(),
    backends: {},
    peers,
    results,
  }
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const options = parseOptions(args)
  if (options === 'help') {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  const report = await benchmark(options)
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : `${table(report.results)}\n`)
  if (options.save) say(`Saved ${relative(process.cwd(), saveReport(report, resultsFolder))}`)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  say(`${error.message}\n${usage}`)
  process.exitCode = 2
}
