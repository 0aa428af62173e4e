import { type Backend, visualEntropy, type WeightSource } from '@durian/core'
import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { Dataset } from '../data/dataset.ts'
import { leavingOut, leftOutLines, noRows } from '../data/leftOut.ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, sentence, type TrainError } from '../errors.ts'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { policyWeights } from '../policy/params.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { visionFeatures } from '../policy/vision.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { addBackendFlags, type BackendFlags, backendOf, withChosenBackend } from './chosenBackend.ts'
import { addDataFlags, type DataFlags, openRows } from './dataFlags.ts'
import type { OnError } from './jsonRows.ts'
import { warn, writeLines } from './lines.ts'
import { addModelFlags, type ModelFlags, openModel, withWeights } from './openModel.ts'
import { startProgress } from './progress.ts'
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

/** A row's response as tokens, with an end token. Left: a sentence that names the row. */
const responseIds =
  ({ tokenizer, tokens: { end, endOfTurn, vocabSize } }: Processor) =>
  ({ id, extra }: Row): E.Either<TrainError, ReadonlyArray<number>> => {
    const text = extra['response']
    const fail = (reason: string) => E.left(badInput(`Row '${id}': ${reason}.`))
    if (typeof text !== 'string') return fail('it has no text in column "response"; write there what to score')
    const ids = tokenizer.encode(text)
    if (ids.some((token) => token >= vocabSize))
      return fail('its response holds a token the policy has no embedding for')
    return E.right(end.includes(ids.at(-1) ?? -1) ? ids : [...ids, endOfTurn])
  }

/** A row's prompt and response as tokens. Left: a sentence that names the row. */
export const encodeScored =
  (processor: Processor) =>
  (row: Row): TE.TaskEither<TrainError, EncodedRow> =>
    attempt(async (take) => {
      const response = await take(responseIds(processor)(row))
      return { prompt: await take(encodePrompt(processor)(row)), response }
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
            scores: { ...scoreCompletions(ops, config)(weights, batch, { temperature: 1, scope: memory.scope }) },
            features:
              prompt.images.length === 0
                ? undefined
                : visionFeatures(ops, config)(weights, prompt.images, { features: 'merged', scope: memory.scope }).rows,
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

/** Rows with a response; a row without one ends it, or is left out and counted. */
const withResponses = (
  { rows, source }: Dataset,
  processor: Processor,
  onError: OnError,
): TE.TaskEither<TrainError, ReadonlyArray<Row>> =>
  attempt(async (take) => {
    const left = leavingOut()
    const usable: Row[] = []
    for (const row of rows) {
      const response = responseIds(processor)(row)
      if (E.isRight(response)) usable.push(row)
      else if (onError === 'skip') left.add('bad', sentence(response.left))
      else await take(response)
    }
    for (const line of leftOutLines({ source, ...left.result() })) warn(line)
    return usable.length > 0 ? usable : take(E.left(noRows(source, left.result())))
  })

type ScoreFlags = ModelFlags & DataFlags & BackendFlags

const scoreCommand = (flags: ScoreFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const chosen = await take(backendOf(flags))
    const model = await take(openModel(flags))
    const { config, processor } = model
    const dataset = await take(openRows(flags, processor, { answers: 'unchecked' }))
    const rows = await take(withResponses(dataset, processor, flags.on_error))
    await take(
      withChosenBackend(chosen)((backend) =>
        withWeights(backend, model, (params, base) =>
          attempt(async (take) => {
            const progress = startProgress({ label: 'rows', total: rows.length })
            const weights = policyWeights(params, base)
            for (const [i, row] of rows.entries()) {
              const encoded = await take(encodeScored(processor)(row))
              const result = await take(scoreRow(backend, config)(weights, encoded))
              await writeLines(process.stdout, [JSON.stringify(result)])
              progress.update(i + 1)
            }
            progress.stop()
          }),
        ),
      ),
    )
  })

/** Adds `durian score` to the program. */
export const registerScore = (program: Command): void => {
  const command = program
    .command('score')
    .summary('log-probs and entropies of given responses')
    .description(
      'For each row {"id", "images", "problem", "response"} prints {"id", "prompt_ids", "response_ids", "logprobs", ' +
        '"token_entropies", "visual_entropy"} as a JSON line. Natural logarithms, temperature 1, the end token counted.',
    )
  addBackendFlags(addDataFlags(addModelFlags(command))).action((flags: ScoreFlags) => runCommand(scoreCommand(flags)))
}
