import { removeTensorflow, setupTensorflow, type SetupOptions, type SetupResult } from '@durian/backend-node'
import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { startProgress, type Progress } from './progress.ts'
import { printing, runCommand } from './runCommand.ts'

interface SetupFlags {
  readonly cuda?: boolean
  readonly library_version?: string
  readonly dir?: string
  readonly wheel?: string
  readonly remove?: boolean
}

/** `--version` belongs to `durian` itself, so behind `setup tensorflow` it travels under another name. */
export const withLibraryVersion = (argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  argv.map((argument, i) =>
    argument === '--version' && argv[i + 1] !== undefined
      ? '--library_version'
      : argument.replace(/^--version=/, '--library_version='),
  )

/** The flags as options, or the sentence that says what is wrong with them. */
export const setupOptionsOf = (flags: SetupFlags): E.Either<TrainError, Omit<SetupOptions, 'onStage' | 'onBytes'>> => {
  const version = flags.library_version ?? null
  if (version !== null && !/^\d+\.\d+(\.\d+)?$/.test(version))
    return E.left(badInput(`--version takes a release of TensorFlow, 2.21.0 say, not "${version}".`))
  if (version !== null && flags.wheel !== undefined)
    return E.left(badInput('--version and --wheel exclude each other: a wheel has its version in its name.'))
  return E.right({
    variant: flags.cuda === true ? 'cuda' : 'cpu',
    version,
    dir: flags.dir ?? null,
    wheel: flags.wheel ?? null,
  })
}

const MB = 1e6

/** One bar for each file; a line for each stage. */
const reporter = (): Pick<Required<SetupOptions>, 'onStage' | 'onBytes'> & { readonly stop: () => void } => {
  let bar: { readonly file: string; readonly progress: Progress } | null = null
  const stop = (): void => {
    bar?.progress.stop()
    bar = null
  }
  return {
    stop,
    onStage: (text) => {
      stop()
      process.stderr.write(`${text}\n`)
    },
    onBytes: (file, done, total) => {
      if (total === null) return
      if (bar?.file !== file) {
        stop()
        bar = {
          file,
          progress: startProgress({ label: 'MB', total: Math.ceil(total / MB), done: Math.floor(done / MB) }),
        }
      }
      bar.progress.update(Math.floor(done / MB))
    },
  }
}

/** What the user needs to know afterwards. */
export const setupLines = ({ folder, home, description, kept, log }: SetupResult, dir: string | null): string => {
  const lines = [
    kept ? `TensorFlow was set up before and passes its self-test: ${description}` : `TensorFlow works: ${description}`,
    `Folder: ${folder}`,
    `Log: ${log}`,
  ]
  if (dir !== null) lines.push(`So that durian finds it there, set DURIAN_TENSORFLOW_DIR=${home}`)
  return lines.join('\n')
}

const failed =
  (effect: TE.TaskEither<string, SetupResult>): TE.TaskEither<TrainError, SetupResult> =>
  async () => {
    const result = await effect()
    return E.isLeft(result) ? E.left(runFailed(result.left)) : result
  }

const install = (flags: SetupFlags): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const options = await take(setupOptionsOf(flags))
    const { stop, ...hooks } = reporter()
    try {
      return setupLines(await take(failed(setupTensorflow({ ...options, ...hooks }))), options.dir)
    } finally {
      stop()
    }
  })

const remove =
  (dir: string | null): TE.TaskEither<TrainError, string> =>
  async () => {
    const removed = await removeTensorflow(dir)()
    if (E.isLeft(removed)) return E.left(runFailed(removed.left))
    const lines = removed.right.map((path) => `Removed ${path}`)
    return E.right(lines.length === 0 ? 'Nothing was set up here.' : lines.join('\n'))
  }

/** Adds `durian setup tensorflow`. */
export const registerSetup = (program: Command): void => {
  const setup = program.command('setup').description('Install the optional native parts.')
  setup
    .command('tensorflow')
    .summary("make TensorFlow's native part available, in whichever way works here")
    .description(
      "Makes TensorFlow's native part available: the official binary of tfjs-node where its host answers, else the addon built from the " +
        'npm package against the library of the TensorFlow wheel (274 MB from the Python package index, no Python needed; a C++ compiler is). ' +
        'Kept outside node_modules, found by every later durian command. PIP_INDEX_URL and npm_config_registry name mirrors.',
    )
    .option('--cuda', 'with CUDA, for NVIDIA GPUs (Linux on x64; about 3 GB to fetch)')
    .option(
      '--library_version <X>',
      'TensorFlow release to build against (also: --version X); 2.21.0 where it is built',
    )
    .option(
      '--dir <folder>',
      'where to keep it (default: DURIAN_TENSORFLOW_DIR, else durian/tensorflow in the data folder)',
    )
    .option('--wheel <file>', 'a TensorFlow wheel that was downloaded before, instead of the package index')
    .option('--remove', 'delete what was set up')
    .action((flags: SetupFlags) =>
      runCommand(printing(flags.remove === true ? remove(flags.dir ?? null) : install(flags))),
    )
}
