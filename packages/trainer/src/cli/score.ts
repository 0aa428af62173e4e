import { readFile } from 'node:fs/promises'
import { type Backend, type HostTensor, residentWeights, visualEntropy, type WeightSource } from '@durian/core'
import { type Command, Option } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { loadDataset } from '../data/dataset.ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { loadPolicy } from '../policy/files.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { visionFeatures } from '../policy/vision.ts'
import { formatPrompt } from '../processor/chatTemplate.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { type BackendChoice, backendChoices, withChosenBackend } from './chosenBackend.ts'
import { writeLines } from './lines.ts'
import { runCommand } from './runCommand.ts'

/** One line out of `durian score`. */
export interface ScoreResult {
  readonly id: string
  readonly prompt_ids: ReadonlyArray<number>
  /** With the end token. */
  readonly response_ids: ReadonlyArray<number>
  /** ln p of each response token at temperature 1, nats. */
  readonly logprobs: ReadonlyArray<number>
  /** Entropy of the distribution each response token was taken from, nats. */
  readonly token_entropies: ReadonlyArray<number>
  /** H of all pictures of the row together, nats (paper, eq. 9); null without a picture. */
  readonly visual_entropy: number | null
}

interface EncodedRow {
  readonly prompt: EncodedPrompt
  readonly response: ReadonlyArray<number>
}

/** A row's prompt and response as tokens. Left: a sentence that names the row. */
export const encodeScored =
  (processor: Processor, format: (problem: string) => string) =>
  ({ id, problem, images, extra }: Row): TE.TaskEither<TrainError, EncodedRow> =>
    attempt(async (take) => {
      const prompt = await take(encodePrompt(processor)({ id, problem: format(problem), images }))
      const text = extra['response']
      if (typeof text !== 'string')
        return take<never>(
          E.left(badInput(`Row '${id}': it has no text in column "response"; write there what to score.`)),
        )
      const { encode } = processor.tokenizer
      const { end, endOfTurn, vocabSize } = processor.tokens
      const ids = encode(text)
      if (ids.some((token) => token >= vocabSize))
        return take<never>(E.left(badInput(`Row '${id}': its response holds a token the policy has no embedding for.`)))
      return { prompt, response: end.includes(ids.at(-1) ?? -1) ? ids : [...ids, endOfTurn] }
    })

/** Log-probs and entropies of one response, and the visual entropy of its pictures. */
export const scoreRow =
  <T>(backend: Backend<T>, config: PolicyConfig) =>
  (weights: WeightSource<T>, { prompt, response }: EncodedRow): TE.TaskEither<TrainError, ScoreResult> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const { ops, memory, transfer } = backend
        const batch = completionBatch(config)([prompt], [[response]])
        const made = held.keep(
          memory.scope(() => ({
            scores: { ...scoreCompletions(ops, config)(weights, batch, { temperature: 1 }) },
            features:
              prompt.images.length === 0
                ? undefined
                : visionFeatures(ops, config)(weights, prompt.images, { features: 'merged' }).rows,
          })),
        )
        const logprobs = await take(transfer.read(made.scores.logprob))
        const entropies = await take(transfer.read(made.scores.entropy))
        if (![...logprobs, ...entropies].every(Number.isFinite))
          return take<never>(E.left(runFailed(`Row '${prompt.id}': the model's log-probs are not finite.`)))
        const cols = config.text.hiddenSize
        const data = made.features === undefined ? undefined : await take(transfer.read(made.features))
        return {
          id: prompt.id,
          prompt_ids: [...prompt.ids],
          response_ids: response,
          logprobs: [...logprobs],
          token_entropies: [...entropies],
          visual_entropy: data === undefined ? null : visualEntropy({ rows: data.length / cols, cols, data }),
        }
      }),
    )

/** All rows are read and checked before the first is computed; lines are written as they are ready. */
const scoreRows =
  (encoded: ReadonlyArray<EncodedRow>, config: PolicyConfig, host: Readonly<Record<string, HostTensor>>) =>
  <T>(backend: Backend<T>): TE.TaskEither<TrainError, void> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const params = Object.fromEntries(
          Object.entries(host).map(([name, tensor]) => [name, held.keep(backend.ops.fromHost(tensor))]),
        )
        const score = scoreRow(backend, config)
        for (const row of encoded) {
          const result = await take(score(residentWeights(params), row))
          await writeLines(process.stdout, [JSON.stringify(result)])
        }
      }),
    )

interface ScoreFlags {
  readonly model: string
  readonly data: string
  readonly backend: BackendChoice
  readonly format_prompt?: string
}

/** A format prompt's file as a function on problems; without a file problems stay as they are. */
const loadFormatPrompt = (path: string | undefined): TE.TaskEither<TrainError, (problem: string) => string> =>
  attempt(async (take) => {
    if (path === undefined) return (problem) => problem
    const source = await readFile(path, 'utf8').catch(() =>
      take<never>(E.left(badInput(`The format prompt ${path} cannot be read; --format_prompt takes a Jinja file.`))),
    )
    return take(
      E.tryCatch(
        () => formatPrompt(source),
        (thrown) => badInput(`The format prompt ${path} is not a Jinja template: ${(thrown as Error).message}.`),
      ),
    )
  })

const scoreCommand = (flags: ScoreFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const format = await take(loadFormatPrompt(flags.format_prompt))
    const { rows } = await take(loadDataset(flags.data, { answers: 'optional' }))
    const processor = await take(loadProcessor(flags.model))
    const { config, weights } = await take(loadPolicy(flags.model))
    const encoded: EncodedRow[] = []
    for (const row of rows) encoded.push(await take(encodeScored(processor, format)(row)))
    await take(withChosenBackend({ prefer: flags.backend })(scoreRows(encoded, config, weights)))
  })

/** Adds `durian score` to the program. */
export const registerScore = (program: Command): void => {
  program
    .command('score')
    .summary('log-probs and entropies of given responses')
    .description(
      'For each row {"id", "images", "problem", "response"} prints {"id", "prompt_ids", "response_ids", "logprobs",\n' +
        '"token_entropies", "visual_entropy"} as a JSON line. Natural logarithms, temperature 1, the end token counted.',
    )
    .requiredOption('--model <folder>', 'model in the Hub’s layout')
    .requiredOption('--data <file>', 'rows as JSONL or parquet; picture paths are relative to the file')
    .addOption(new Option('--backend <name>', 'where to compute').choices(backendChoices).default('auto'))
    .option('--format_prompt <file>', 'Jinja template of `content` that each problem is put through first')
    .action((flags: ScoreFlags) => runCommand(scoreCommand(flags)))
}
