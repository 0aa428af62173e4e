import { type Command, InvalidArgumentError, Option } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { type BackendChoice, backendChoices } from './chosenBackend.ts'
import { entropyLines, fileEntropies } from './featureEntropies.ts'
import { onErrorChoices, type OnError } from './jsonRows.ts'
import { filterStdin, writeLines } from './lines.ts'
import { type EntropiesOptions, pictureEntropies, pictureFiles, pictureRows } from './pictureEntropies.ts'
import { modelFolder, modelHelp } from './modelFolder.ts'
import { startProgress } from './progress.ts'
import { runCommand } from './runCommand.ts'
import type { FeatureKind } from './visionEntropy.ts'

interface EntropyFlags {
  readonly features?: string
  readonly model?: string
  readonly data?: string
  readonly num_workers?: number
  readonly cache?: string
  readonly feature_kind: FeatureKind
  readonly backend: BackendChoice
  readonly on_error: OnError
}

const fromFile = (path: string): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const results = await take(fileEntropies(path))
    await writeLines(
      process.stdout,
      results.map((result) => JSON.stringify(result)),
    )
  })

/** Flags that only pictures have a use for. */
const forPictures = ['model', 'num_workers', 'cache'] as const

const throughModel = (images: ReadonlyArray<string>, flags: EntropyFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const { model, data, cache, num_workers: workers, feature_kind: kind, backend, on_error: onError } = flags
    if (model === undefined)
      return take<never>(E.left(badInput('Pictures need a vision encoder: name a model folder with --model.')))
    const rows = data === undefined ? pictureFiles(images) : await take(pictureRows(data))
    const folder = await take(modelFolder(model, { name: '--model' }))
    const options: EntropiesOptions = {
      ...{ model: folder, kind, backend, onError, workers, cache },
      progress: (total) => startProgress({ label: 'rows', total }),
      print: (result) => writeLines(process.stdout, [JSON.stringify(result)]),
    }
    await take(pictureEntropies(rows, options))
  })

/** What the arguments ask for: pictures through a model, a file of features, or standard input. */
const entropy = (images: ReadonlyArray<string>, flags: EntropyFlags): TE.TaskEither<TrainError, void> => {
  const { features, data } = flags
  const refuse = (message: string) => () => Promise.resolve(E.left(badInput(message)))
  const sources = [images.length > 0, data !== undefined, features !== undefined].filter((given) => given)
  if (sources.length > 1) return refuse('Give one of pictures, --data and --features.')
  if (images.length > 0 || data !== undefined) return throughModel(images, flags)
  const idle = forPictures.find((flag) => flags[flag] !== undefined)
  if (idle !== undefined) return refuse(`--${idle} is for pictures: name some, or a data set with --data.`)
  if (features !== undefined) return fromFile(features)
  return filterStdin((lines, take) => entropyLines(lines, take, { onError: flags.on_error }))
}

/** A whole number of at least 1. */
const positive = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError(`It takes a whole number of at least 1.`)
  return value
}

/** Adds `durian entropy` to the program. */
export const registerEntropy = (program: Command): void => {
  program
    .command('entropy')
    .summary('visual entropy of pictures, or of feature matrices')
    .description(
      'Prints {"id", "entropy", "patches", "dim"} a line: for each picture file or each row of --data (all pictures of a row together),\n' +
        'seen through the vision encoder of --model; for each [patches, dim] tensor of --features; or for each line\n' +
        '{"id", "features": [P][d]} of standard input. The entropy is in nats, from 0 to ln min(patches - 1, dim).',
    )
    .argument('[pictures...]', 'picture files (PNG, JPEG, WebP, GIF)')
    .option('--data <file>', 'rows with pictures: file.parquet, file.jsonl or folder@split')
    .option('--model <model>', `for pictures: ${modelHelp}`)
    .option('--num_workers <n>', 'processes that look at pictures (default: one a core; 1 with TensorFlow)', positive)
    .option('--cache <folder>', 'keeps entropies there, by content of encoder and pictures')
    .option('--features <file>', 'safetensors file with one matrix a picture')
    .addOption(
      new Option('--feature_kind <name>', 'features after or before the patch merger (durian.features of a run)')
        .choices(['merged', 'patches'])
        .default('merged'),
    )
    .addOption(new Option('--backend <name>', 'where the encoder runs').choices(backendChoices).default('auto'))
    .addOption(
      new Option('--on_error <what>', 'at a bad row or picture: stop, or leave it out and count it on stderr')
        .choices(onErrorChoices)
        .default('fail'),
    )
    .action((images: ReadonlyArray<string>, flags: EntropyFlags) => runCommand(entropy(images, flags)))
}
