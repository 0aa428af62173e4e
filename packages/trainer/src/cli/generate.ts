import type { Command } from 'commander'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { drawRows, type Drawn } from '../train/drawRows.ts'
import type { Tokenizer } from '../processor/tokenizer.ts'
import { addBackendFlags, type BackendFlags, backendOf, withChosenBackend } from './chosenBackend.ts'
import { addDataFlags, type DataFlags, openRows } from './dataFlags.ts'
import { writeLines } from './lines.ts'
import { addModelFlags, type ModelFlags, openModel, withWeights } from './openModel.ts'
import { startProgress } from './progress.ts'
import { runCommand } from './runCommand.ts'
import { addSamplingFlags, type SamplingFlags, samplingOf } from './samplingFlags.ts'

/** One line out of `durian generate`: a row with its G completions, as TRL names them; `logprobs` is what `durian advantages` takes. */
export interface GenerateResult {
  readonly id: string
  readonly prompt_ids: ReadonlyArray<number>
  /** Text of each completion, special tokens left out. */
  readonly completions: ReadonlyArray<string>
  /** With the end token, where one was drawn. */
  readonly completion_ids: ReadonlyArray<ReadonlyArray<number>>
  /** ln p of each token under log-softmax(logits / temperature) over the whole vocabulary, nats; at temperature 0 of softmax(logits). */
  readonly logprobs: ReadonlyArray<ReadonlyArray<number>>
  /** An end token was drawn before the length limit. */
  readonly terminated: ReadonlyArray<boolean>
}

export const generateResult = (
  { decode }: Pick<Tokenizer, 'decode'>,
  { row, prompt, completions }: Drawn,
): GenerateResult => ({
  id: row.id,
  prompt_ids: [...prompt.ids],
  completions: completions.map(({ ids }) => decode(ids, { skipSpecial: true })),
  completion_ids: completions.map(({ ids }) => [...ids]),
  logprobs: completions.map(({ logprobs }) => [...logprobs]),
  terminated: completions.map(({ terminated }) => terminated),
})

type GenerateFlags = ModelFlags & DataFlags & SamplingFlags & BackendFlags

const generateCommand = (flags: GenerateFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const sampling = await take(samplingOf(flags, { greedy: 'taken', fewest: 1 }))
    const chosen = await take(backendOf(flags))
    const model = await take(openModel(flags))
    const { processor, config: policy } = model
    const { rows } = await take(openRows(flags, processor, { answers: 'unchecked' }))
    const progress = startProgress({ label: 'rows', total: rows.length })
    let done = 0
    const print = async (drawn: ReadonlyArray<Drawn>): Promise<void> => {
      await writeLines(
        process.stdout,
        drawn.map((one) => JSON.stringify(generateResult(processor.tokenizer, one))),
      )
      progress.update((done += drawn.length))
    }
    await take(
      withChosenBackend(chosen)((backend) =>
        withWeights(backend, model, (params, base) =>
          drawRows({ backend, policy, base, processor })(params, rows, { ...sampling, step: 0, use: print }),
        ),
      ),
    )
    progress.stop()
  })

/** Adds `durian generate` to the program. */
export const registerGenerate = (program: Command): void => {
  const command = program
    .command('generate')
    .summary('sampled or greedy completions of rows, with log-probs, as JSON lines')
    .description(
      'For each row {"id", "images", "problem"} prints {"id", "prompt_ids", "completions", "completion_ids", "logprobs", "terminated"} as a ' +
        'JSON line, in the order of the rows, as soon as it is there. Natural logarithms over the whole vocabulary at the temperature; vision ' +
        'tokens are never drawn. A draw depends on the seed, the row’s place and the rollout alone. --temperature 0 is greedy.',
    )
  addDataFlags(addModelFlags(command))
  addSamplingFlags(command, { numGenerations: 8, maxCompletionLength: 256, generations: 'completions per row' })
  addBackendFlags(command).action((flags: GenerateFlags) => runCommand(generateCommand(flags)))
}
