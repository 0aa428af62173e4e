import { type Command, Option } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { configHelp } from '../config/describe.ts'
import { readConfig } from '../config/readConfig.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { modelFolder } from './modelFolder.ts'

/** The flags that every run has, as commander hands them over. */
export interface RunFlags {
  readonly config?: string
  readonly backend?: string
  readonly seed?: string
  readonly output_dir?: string
  readonly resume?: string
  readonly dry_run?: boolean
  readonly from_scratch?: boolean
}

/** Adds `--config`, the flags that every run has, and `key=value` arguments to a command. */
export const addRunFlags = (command: Command): Command =>
  command
    .argument(
      '[key=value...]',
      'keys of the configuration that go over the file, e.g. learning_rate=1e-5 durian.weights=[1,0,0]',
    )
    .option('--config <file>', 'configuration in YAML or JSON')
    .addOption(new Option('--backend <name>', 'auto, tensorflow, wasm or webgpu'))
    .option('--seed <number>', 'key of every random draw')
    .option('--output_dir <folder>', 'run folder')
    .option('--resume <what>', 'auto, false, or a checkpoint folder')
    .option('--from_scratch', 'random weights and a new cold start instead of the weights of the model folder')
    .option('--dry_run', 'check everything and print the batch arithmetic, without training')
    .addHelpText('after', () => `\n${configHelp()}`)

/** The resolved configuration that flags and arguments ask for, its model as a folder on this disk. */
export const configOf = (flags: RunFlags, overrides: ReadonlyArray<string>): TE.TaskEither<TrainError, TrainConfig> =>
  attempt(async (take) => {
    const { config: file, backend, seed, output_dir, resume, dry_run, from_scratch } = flags
    const named = { backend, seed, output_dir, resume, dry_run, from_scratch }
    const config = await take(readConfig({ file, overrides, flags: named }))
    const folder = await take(modelFolder(config.model_name_or_path, { name: 'model_name_or_path' }))
    return { ...config, model_name_or_path: folder }
  })
