import { join, relative } from 'node:path'
import { archiveUsage, runArchive } from './archive/main.ts'
import { environment } from './environment.ts'
import type { Result } from './harness.ts'
import { type Options, parseOptions, usage, UsageError } from './options.ts'
import { parseProfileOptions, profileUsage } from './profile/options.ts'
import { runProfile } from './profile/main.ts'
import { openNumPy } from './peers/numpy.ts'
import { type Report, saveReport } from './report.ts'
import { measurePolicy } from './suites/policyProcess.ts'
import { advantageCases } from './suites/advantages.ts'
import { entropyCases } from './suites/entropy.ts'
import { table } from './table.ts'
import { timedCases } from './timedCases.ts'

const resultsFolder = join(import.meta.dirname, '..', 'results')

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const benchmark = async ({ suites, backends, rounds }: Options): Promise<Report> => {
  const results: Result[] = []
  const peers: Record<string, Readonly<Record<string, string>>> = {}
  if (suites.includes('core')) {
    const numpy = await openNumPy()
    if (numpy === null) say('NumPy is not installed here (DURIAN_PYTHON names another Python): timed without it.')
    else peers['numpy'] = numpy.versions
    try {
      results.push(
        ...(await timedCases([...advantageCases(), ...(await entropyCases(numpy))], { rounds, sampleMs: 20 })),
      )
    } finally {
      numpy?.close()
    }
  }
  const descriptions: Record<string, string> = {}
  for (const backend of suites.includes('policy') ? backends : []) {
    const answer = await measurePolicy(backend, rounds)
    if (answer.ok) {
      descriptions[backend] = answer.description
      results.push(...answer.results)
    } else say(`Backend ${backend} is left out: ${answer.reason}`)
  }
  return {
    schema: 1,
    date: new Date().toISOString(),
    environment: environment(),
    backends: descriptions,
    peers,
    results,
  }
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  if (args[0] === 'archive') return runArchive(args.slice(1), say)
  if (args[0] === 'profile') return runProfile(parseProfileOptions(args.slice(1)))
  const options = parseOptions(args)
  if (options === 'help') {
    process.stdout.write(`${usage}\n${profileUsage}\n${archiveUsage}\n`)
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
  say(`${error.message}\n${usage}\n${profileUsage}\n${archiveUsage}`)
  process.exitCode = 2
}
