import {
  confidence,
  type ConfidenceKind,
  type Difficulty,
  type DurianOptions,
  estimator,
  type EstimatorName,
  type Sample,
  visualEntropy,
} from '@durian/core'
import { type AdvantageResult, AdvantageRow } from '@durian/core/codec'
import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt, type Take } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import { addAdvantageFlags, advantagesOptionsOf, type AdvantageFlags } from './advantageFlags.ts'
import { jsonRows, type OnError } from './jsonRows.ts'
import { filterStdin, warn } from './lines.ts'
import { runCommand } from './runCommand.ts'

export interface AdvantagesOptions extends DurianOptions {
  readonly estimator: EstimatorName
  readonly confidence: ConfidenceKind
  readonly onError: OnError
}

/** What stays of a row: its log-probs and features have become one number each. */
interface ReducedRow extends Sample {
  readonly id: string
}

/** L(Q), over the rollouts that have a reward (paper, eq. 14-15); null where there is nothing to take it from. */
export const confidenceOf = (
  { rewards, logprobs, confidence: given }: AdvantageRow,
  kind: ConfidenceKind,
): number | null => {
  if (logprobs === undefined) return given ?? null
  const counted = logprobs.filter((_, i) => rewards[i] !== null)
  return counted.length === 0 ? null : confidence(counted, kind)
}

/** H(I), as given or from features (paper, eq. 5-9); null without an image. */
export const entropyOf = ({ entropy, features }: AdvantageRow): number | null =>
  features === undefined || features === null
    ? (entropy ?? null)
    : visualEntropy({ rows: features.length, cols: features[0]!.length, data: features.flat() })

/** Estimators that look at one prompt alone: their rows need not wait for the last one. */
export const perPrompt: ReadonlyArray<EstimatorName> = ['grpo', 'dr_grpo', 'rloo', 'none', 'grpo_passk']

/** Estimators that take their statistics over tokens when log-probs tell how many there are. */
const overTokens: ReadonlyArray<EstimatorName> = ['reinforce_plus_plus', 'reinforce_plus_plus_baseline']

/** Something that all rows have, as many each, or none: the first row decides. */
const sameForAll = (key: string): ((count: number | undefined) => E.Either<string, void>) => {
  let first: { readonly count: number | undefined } | undefined
  return (count) => {
    first ??= { count }
    if (first.count === count) return E.right(undefined)
    if (first.count !== undefined && count !== undefined)
      return E.left(`it has ${count} rewards a rollout, and the rows before it have ${first.count}`)
    const [here, before] = count === undefined ? ['no', 'one'] : ['a', 'none']
    return E.left(`it has ${here} '${key}', and the rows before it have ${before}`)
  }
}

/** Only durian reads entropies and confidences, only two estimators lengths, only gdpo parts: the others keep the rewards alone. */
const reducer = (options: AdvantagesOptions): ((row: AdvantageRow) => E.Either<string, ReducedRow>) => {
  const { estimator: name, base = name, confidence: kind, weights, rewardWeights } = options
  const lengthsAgree = sameForAll('logprobs')
  const partsAgree = sameForAll('parts')

  const lengths = ({ logprobs }: AdvantageRow): E.Either<string, Pick<Sample, 'lengths'>> => {
    if (!overTokens.includes(base)) return E.right({})
    return E.map(() => (logprobs === undefined ? {} : { lengths: logprobs.map((tokens) => tokens.length) }))(
      lengthsAgree(logprobs === undefined ? undefined : 1),
    )
  }
  const parts = ({ parts: given }: AdvantageRow): E.Either<string, Pick<Sample, 'parts'>> => {
    if (base !== 'gdpo') return E.right({})
    const count = given?.length ?? 1
    if (rewardWeights !== undefined && rewardWeights.length !== count)
      return E.left(`it has ${count} rewards a rollout and --reward_weights has ${rewardWeights.length} numbers`)
    return E.map(() => (given === undefined ? {} : { parts: given }))(partsAgree(given?.length))
  }
  const difficulties = (row: AdvantageRow): E.Either<string, Pick<Sample, 'entropy' | 'confidence'>> => {
    if (name !== 'durian') return E.right({ entropy: null, confidence: null })
    if (weights[2] !== 0 && row.logprobs === undefined && (row.confidence ?? null) === null)
      return E.left(
        `it has neither 'logprobs' nor 'confidence', which the reasoning weight ${weights[2]} needs: add one, or set the third of --weights to 0`,
      )
    return E.right({ entropy: entropyOf(row), confidence: confidenceOf(row, kind) })
  }
  return (row) => {
    const { id, rewards } = row
    const own = difficulties(row)
    if (E.isLeft(own)) return own
    const tokens = lengths(row)
    if (E.isLeft(tokens)) return tokens
    const several = parts(row)
    if (E.isLeft(several)) return several
    return E.right({ id, rewards, ...own.right, ...tokens.right, ...several.right })
  }
}

const placed = (difficulty: Difficulty, s: number) => ({
  bucket: difficulty.buckets[s]!,
  std: difficulty.stds[s]!,
})

const resultsOf = (rows: ReadonlyArray<ReducedRow>, options: AdvantagesOptions): ReadonlyArray<AdvantageResult> => {
  const { advantages, components, perceptual, reasoning } = estimator(options.estimator, options)(rows)
  return rows.map(({ id }, s) => ({
    id,
    advantages: advantages[s]!,
    components: Object.fromEntries(Object.entries(components).map(([name, component]) => [name, component[s]!])),
    perceptual: perceptual && { entropy: perceptual.scores[s]!, ...placed(perceptual, s) },
    reasoning: reasoning && { confidence: reasoning.scores[s]!, ...placed(reasoning, s) },
  }))
}

const isFiniteOrNull = (value: number | null): boolean => value === null || Number.isFinite(value)

/**
 * `durian advantages` without its streams: JSON lines in, JSON lines out, in the same order. The whole input is the batch. An estimator
 * that looks at one prompt alone prints each row as it comes, in constant memory but for 40 bytes an id; the others keep a few numbers
 * a row, and nothing comes out before the last line is in, nor when a line is bad.
 *
 * @param say - hears how many rows were skipped
 */
export const advantageLines = async function* (
  lines: AsyncIterable<string>,
  options: AdvantagesOptions,
  take: Take<TrainError>,
  say: (sentence: string) => void = warn,
): AsyncGenerator<string> {
  const rows = jsonRows(lines, {
    codec: AdvantageRow,
    reduce: reducer(options),
    onError: options.onError,
    take,
    warn: say,
  })
  if (perPrompt.includes(options.estimator)) {
    for await (const row of rows) yield* await take(printed([row], options))
    return
  }
  const batch: Array<ReducedRow> = []
  for await (const row of rows) batch.push(row)
  yield* await take(printed(batch, options))
}

/** Left: an advantage that is not finite. */
const printed = (
  rows: ReadonlyArray<ReducedRow>,
  options: AdvantagesOptions,
): E.Either<TrainError, Iterable<string>> => {
  const results = resultsOf(rows, options)
  const overflown = results.find(({ advantages }) => !advantages.every(isFiniteOrNull))
  if (overflown !== undefined)
    return E.left(runFailed(`The advantages of ${JSON.stringify(overflown.id)} overflow: scale the rewards down.`))
  return E.right(
    (function* () {
      for (const result of results) yield JSON.stringify(result)
    })(),
  )
}

const fromStdin = (flags: AdvantageFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const options = await take(advantagesOptionsOf(flags))
    await take(filterStdin((lines, takeLine) => advantageLines(lines, options, takeLine)))
  })

/** Adds `durian advantages` to the program. */
export const registerAdvantages = (program: Command): void => {
  const command = program
    .command('advantages')
    .summary('advantages of a batch of prompts: JSON lines in, JSON lines out')
    .description(
      'Reads one JSON object a line from standard input, {"id", "rewards": [G], "logprobs": [G][T] | "confidence", "entropy" | "features": [P][d]},\n' +
        'and prints one a line: {"id", "advantages": [G], "components", "perceptual", "reasoning"}. The whole input is one batch:\n' +
        `rows come out after the last one is in, except those of ${perPrompt.join(', ')}, which come out at once.\n` +
        'gdpo reads "parts": [K][G], the rewards of each function; reinforce_plus_plus counts tokens where there are logprobs.\n' +
        'A null reward leaves its rollout out. Leave entropy and features out for a prompt without an image.',
    )
  addAdvantageFlags(command).action((flags: AdvantageFlags) => runCommand(fromStdin(flags)))
}
