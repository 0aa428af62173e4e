import { Option, type Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { type Exported, exportRun } from '../export/exportRun.ts'
import { type DtypeName, dtypes } from '../export/writeModelFolder.ts'
import { startProgress } from './progress.ts'
import { printing, runCommand } from './runCommand.ts'

interface ExportFlags {
  readonly run: string
  readonly checkpoint?: string
  readonly out?: string
  readonly merge?: boolean
  readonly dtype: DtypeName
  readonly max_shard_size: string
}

const UNITS = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 } as const

/** "5GB", "500MB", "2GiB" or plain bytes, as transformers' max_shard_size. */
export const byteSize = (text: string): E.Either<TrainError, number> => {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([KMG]I?B)?\s*$/i.exec(text) ?? []
  const size = Number(digits) * UNITS[(unit ?? '').toUpperCase() as keyof typeof UNITS]
  return size >= 1
    ? E.right(Math.floor(size))
    : E.left(badInput(`--max_shard_size takes a size as 5GB, 500MB or a number of bytes, not "${text}".`))
}

const stepNumber = (text: string): E.Either<TrainError, number> =>
  /^(checkpoint-)?\d+$/.test(text)
    ? E.right(Number(text.replace('checkpoint-', '')))
    : E.left(badInput(`--checkpoint takes the step of a checkpoint, as 20, not "${text}".`))

const report = ({ kind, directory, checkpoint, base, weights }: Exported): string =>
  kind === 'adapter'
    ? `Adapter of ${checkpoint} in ${directory}, for ${base}.\n` +
      `Load it with peft.PeftModel.from_pretrained(model, "${directory}"), or merge it: durian export --merge.`
    : `Model of ${checkpoint} in ${directory}: ${weights.length} safetensors file${weights.length === 1 ? '' : 's'}, config, tokenizer.\n` +
      `Load it with transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained("${directory}").`

const run = (flags: ExportFlags): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const checkpoint = flags.checkpoint === undefined ? null : await take(stepNumber(flags.checkpoint))
    const maxShardSize = await take(byteSize(flags.max_shard_size))
    let progress: ReturnType<typeof startProgress> | undefined
    const exported = await take(
      exportRun({
        run: flags.run,
        checkpoint,
        out: flags.out ?? null,
        merge: flags.merge === true,
        dtype: flags.dtype,
        maxShardSize,
        onTensor: (done, total) => (progress ??= startProgress({ label: 'tensors', total })).update(done),
      }),
    )
    progress?.stop()
    return report(exported)
  })

/** Adds `durian export`. */
export const registerExport = (program: Command): void => {
  program
    .command('export')
    .description(
      'A checkpoint for other libraries. A run with lora gives an adapter folder in PEFT’s layout, with --merge a model in the Hub’s layout\n' +
        'with the adapter in its weights; a run without lora gives its model.',
    )
    .requiredOption('--run <folder>', 'run folder, or one of its checkpoint folders')
    .option('--checkpoint <step>', 'which checkpoint; default the newest')
    .option('--out <folder>', 'where to; default the folder adapter or model in the run folder')
    .option('--merge', 'put the adapter into the weights')
    .addOption(new Option('--dtype <name>', 'of the weights').choices(Object.keys(dtypes)).default('float32'))
    .option('--max_shard_size <size>', 'of a safetensors file, as 5GB or 500MB', '5GB')
    .action((flags: ExportFlags) => runCommand(printing(run(flags))))
}
