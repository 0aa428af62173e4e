import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { environment } from '../environment.ts'
import { UsageError } from '../options.ts'
import { runAll } from './all.ts'
import { CannotRun, type Command, OutOfTime } from './command.ts'
import { deadlineIn } from './deadline.ts'
import { deviceFacts, openGpu } from './device.ts'
import { kernels } from './kernels.ts'
import { laws } from './laws.ts'
import { type CommandName, type GpuOptions, gpuUsage, parseGpuOptions } from './options.ts'
import { type Ending, resultFile } from './report.ts'
import { sample } from './sample.ts'
import { step } from './step.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

const commands: Readonly<Record<Exclude<CommandName, 'all'>, Command>> = { laws, kernels, step, sample }

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** What the archive was made of; null in a checkout. */
const archiveFacts = (): unknown =>
  existsSync(beside('./manifest.json')) ? JSON.parse(readFileSync(beside('./manifest.json'), 'utf8')) : null

/** The demo's model: in the archive beside the bundle, else in the checkout. */
const demoFolder = (): string => (existsSync(beside('./demo')) ? beside('./demo') : beside('../../../../models/demo'))

const fileName = ({ command, model, precision }: GpuOptions): string => {
  const parts = [
    command,
    ...(command === 'step' || command === 'sample' ? [model] : []),
    ...(precision === 'mixed' ? [precision] : []),
  ]
  return `${parts.join('-')}.json`
}

const single = async (options: GpuOptions, command: Command): Promise<number> => {
  const deadline = deadlineIn(options.limit)
  const path = join(options.out, fileName(options))
  const result = resultFile(path, {
    command: options.command,
    options,
    date: new Date().toISOString(),
    environment: environment(),
    archive: archiveFacts(),
  })
  const end = (ending: Ending, code: number): never => {
    result.end(ending)
    if (ending.status !== 'complete') complain(ending.reason)
    say(`${path}: ${ending.status}`)
    // Dawn's threads would keep the process
    process.exit(code)
  }
  setTimeout(
    () =>
      end(
        {
          status: 'stopped',
          reason: `The limit of ${options.limit} s is reached: the file holds what there was time for.`,
        },
        0,
      ),
    1000 * options.limit,
  )
  try {
    const opened = await openGpu(options)()
    if (E.isLeft(opened)) return end({ status: 'failed', reason: opened.left.reason }, 1)
    result.set('device', deviceFacts(opened.right))
    say(`${opened.right.facts.device}; ${opened.right.backend.info.description}`)
    const good = await command({ options, opened: opened.right, demoFolder: demoFolder(), deadline, result, say })
    return end({ status: 'complete' }, good ? 0 : 1)
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    if (thrown instanceof OutOfTime) return end({ status: 'stopped', reason }, 0)
    if (!(thrown instanceof CannotRun)) complain((thrown as Error).stack ?? '')
    return end({ status: 'failed', reason }, 1)
  }
}

/** The program of the archive. 0: as it should be, or stopped in time; 1: not; 2: a flag is wrong. */
const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const options = parseGpuOptions(args)
  if (options === 'help') {
    say(gpuUsage)
    return 0
  }
  if (options.command === 'all') return runAll(options, process.argv[1]!, say) === 0 ? 0 : 1
  return single(options, commands[options.command])
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  complain(`${error.message}\n${gpuUsage}`)
  process.exitCode = 2
}
