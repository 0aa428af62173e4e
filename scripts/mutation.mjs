import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dependencyFingerprint } from './lib/fingerprint.mjs'
import { folderSums, inSource, isAlive, mutantsOf, mutated, mutationPage, summaryOf } from './lib/mutants.mjs'
import { pnpmFolder } from './lib/pnpm.mjs'
import { root, run, toolEnvironment } from './lib/process.mjs'
import { Complaint, main, stage } from './lib/stage.mjs'

const STRYKER = '9.6.1' // the newest that runs on Node 20
const LEAST = 0.9
const inNum = (...names) => names.map((name) => `src/num/${name}.ts`)

/**
 * What is tried by itself, so that an interrupted run leaves something. `tests`: those that are run.
 * `every`: run all of them for every mutant, and not just those that reached it when nothing was mutated: kernels are compiled once a process.
 */
const suites = {
  durian: { mutate: ['src/durian/**/*.ts'], tests: ['src/durian/**/*.test.ts'] },
  loss: { mutate: ['src/loss/**/*.ts', '!src/loss/testBatch.ts'], tests: ['src/loss/**/*.test.ts'] },
  'num/statistics': { mutate: inNum('stats', 'quantile', 'matrix', 'centredProduct'), tests: inNum('*.test') },
  'num/eigenvalues': { mutate: inNum('eigen*'), tests: inNum('eigen.test') },
  'num/spectrum': { mutate: inNum('centredSpectrum'), tests: ['src/durian/visualEntropy.test.ts'] },
  'num/kernels': { mutate: inNum('kernels/{kernels,plain,squares}'), tests: inNum('eigen.test', 'kernels/*.test') },
  'num/simd': { mutate: inNum('kernels/{simd,float64,open}'), tests: inNum('kernels/*.test'), every: true },
}

const work = join(tmpdir(), 'durian-mutation')
const checkout = join(work, 'checkout')
const core = join(checkout, 'packages', 'core')
const resultFile = join(root, 'docs', 'results', 'mutation.json')
const bin = (name) => join(core, 'node_modules', '.bin', name)
const reportOf = (name) => join(work, `${name.replaceAll('/', '-')}.json`)

const ran = async (command, options) => {
  const { code, text } = await run(command, options)
  if (code !== 0) throw new Complaint(`${command.join(' ')} ended with ${code}:\n${text}`, code === 130 ? 130 : 1)
  return text.trim()
}

/** A clone of the last commit with Stryker in it, so that nobody's edits are disturbed and none get in. */
const prepare = async () => {
  const { version: vitest } = JSON.parse(readFileSync(join(root, 'node_modules', 'vitest', 'package.json'), 'utf8'))
  const tools = { stryker: STRYKER, vitest, node: process.version }
  const ready = join(checkout, '.ready.json')
  const made = JSON.stringify({ ...tools, dependencies: dependencyFingerprint() })
  if (existsSync(ready) && readFileSync(ready, 'utf8') === made) {
    await ran(['git', 'fetch', '--quiet', 'origin', 'HEAD'], { cwd: checkout })
    await ran(['git', 'reset', '--quiet', '--hard', 'FETCH_HEAD'], { cwd: checkout })
    return tools
  }
  rmSync(checkout, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  await ran(['git', 'clone', '--quiet', root, checkout])
  const env = toolEnvironment(await pnpmFolder())
  await ran(['pnpm', 'install', '--frozen-lockfile', '--prefer-offline'], { cwd: checkout, env })
  const packages = [`@stryker-mutator/core@${STRYKER}`, `@stryker-mutator/vitest-runner@${STRYKER}`, `vitest@${vitest}`]
  await ran(['pnpm', 'add', '--save-dev', '--filter', '@durian/core', ...packages], { cwd: checkout, env })
  writeFileSync(ready, made)
  return tools
}

const vitestConfig = (tests) => `import shared from '../../vitest.shared.ts'
export default { ...shared, test: { ...shared.test, include: ${JSON.stringify(tests)}, pool: 'threads', reporters: ['dot'] } }
`

const strykerConfig = (name, { mutate, every }) => ({
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  inPlace: true,
  tempDirName: join(work, 'backup'),
  mutate: [...mutate, '!src/**/*.test.ts'],
  coverageAnalysis: every === true ? 'off' : 'perTest',
  concurrency: 2,
  timeoutMS: 3000,
  timeoutFactor: 2,
  vitest: { configFile: 'vitest.mutation.config.ts', related: true },
  reporters: ['json', 'progress-append-only'],
  jsonReporter: { fileName: reportOf(name) },
  incremental: true,
  incrementalFile: reportOf(name),
  allowConsoleColors: false,
  warnings: false,
})

/** Puts each mutant into the file itself, where Vitest's exit code decides; `mark` is set on those that are noticed there. */
const triedInFile = async (mutants, { which, mark }) => {
  const command = [bin('vitest'), 'run', '--bail=1', '--config', 'vitest.mutation.config.ts']
  if (mutants.some(which)) await ran(command, { cwd: core }) // else every mutant would seem noticed
  const tried = []
  for (const mutant of mutants) {
    const file = join(core, mutant.file)
    const doubtful = which(mutant)
    if (doubtful) writeFileSync(file, mutated(mutant.source, mutant))
    const { code } = doubtful ? await run(command, { cwd: core, limitMs: 120_000 }) : { code: 0 }
    if (doubtful) writeFileSync(file, mutant.source)
    tried.push(code === 0 ? mutant : { ...mutant, status: 'Killed', [mark]: true })
  }
  return tried
}

/**
 * Mutants of a suite with what became of them. Stryker sees failing tests, not files of tests that cannot be loaded, so a mutant of a
 * module's own constants may pass for a survivor: those are tried in the file.
 */
const resultsOf = async (name) => {
  await ran([bin('stryker'), 'run', 'stryker.config.json'], { cwd: core, output: 'stderr' })
  const mutants = mutantsOf(JSON.parse(readFileSync(reportOf(name), 'utf8')))
  return triedInFile(mutants, { which: ({ status, static: early }) => status === 'Survived' && early, mark: 'atLoad' })
}

/** The last report, with its survivors tried again under the tests of today, where their lines are still there. */
const triedAgain = async (name) => {
  if (!existsSync(reportOf(name)))
    throw new Complaint(`There is no report of ${name} in ${work}; run it without --again.`)
  const sourceNow = (file) => (existsSync(join(core, file)) ? readFileSync(join(core, file), 'utf8') : '')
  const mutants = mutantsOf(JSON.parse(readFileSync(reportOf(name), 'utf8')))
  const placed = mutants.map((mutant) => (isAlive(mutant) ? inSource(mutant, sourceNow(mutant.file)) : mutant))
  return triedInFile(placed, { which: isAlive, mark: 'again' })
}

/** `npm run mutation [-- SUITE… --fresh --again]`. */
await main(async () => {
  const words = process.argv.slice(2)
  const [fresh, again] = [words.includes('--fresh'), words.includes('--again')]
  const named = words.filter((word) => word !== '--fresh' && word !== '--again')
  const unknown = named.find((name) => suites[name] === undefined)
  if (unknown !== undefined)
    throw new Complaint(`No suite is called '${unknown}'; there are ${Object.keys(suites).join(', ')}.`, 2)

  const tools = await stage({ doing: 'Cloning the last commit', done: 'Cloned the last commit' }, prepare)
  const commit = await ran(['git', 'rev-parse', '--short', 'HEAD'], { cwd: checkout })
  const read = () => (existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, 'utf8')).suites : {})
  let known = read()
  for (const name of named.length > 0 ? named : Object.keys(suites)) {
    if (fresh) rmSync(reportOf(name), { force: true })
    const began = performance.now()
    writeFileSync(join(core, 'vitest.mutation.config.ts'), vitestConfig(suites[name].tests))
    writeFileSync(join(core, 'stryker.config.json'), JSON.stringify(strykerConfig(name, suites[name])))
    const mutants = again ? await triedAgain(name) : await resultsOf(name)
    const minutes = Math.round((performance.now() - began) / 60_000)
    const date = new Date().toISOString().slice(0, 10)
    known = read() // another run may have written other suites
    const entry = again ? { ...known[name], again: commit } : { commit, date, minutes, again: null }
    known[name] = { ...entry, ...summaryOf(mutants, known[name]?.survivors) }
    const ordered = Object.fromEntries(Object.keys(suites).flatMap((one) => (known[one] ? [[one, known[one]]] : [])))
    writeFileSync(resultFile, `${JSON.stringify({ tools, suites: ordered }, null, 1)}\n`)
    writeFileSync(join(root, 'docs', 'mutation.md'), mutationPage({ tools, suites: ordered }))
  }

  const weak = Object.entries(folderSums(known)).filter(([, { score }]) => score < LEAST)
  const unexplained = Object.values(known).flatMap(({ survivors }) => survivors.filter(({ reason }) => reason === ''))
  for (const [name, { score }] of weak) process.stdout.write(`${name}: ${(100 * score).toFixed(1)} % noticed\n`)
  for (const { file, line, original, replacement } of unexplained)
    process.stdout.write(`${file}:${line} survived without a reason: ${original} => ${replacement}\n`)
  return weak.length + unexplained.length > 0 ? 1 : 0
})
