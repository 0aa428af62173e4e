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
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import { addAdvantageFlags, advantagesOptionsOf, type AdvantageFlags } from './advantageFlags.ts'
import { readJsonRows } from './jsonRows.ts'
import { filterStdin } from './lines.ts'
import { runCommand } from './runCommand.ts'

export interface AdvantagesOptions extends DurianOptions {
  readonly estimator: EstimatorName
  readonly confidence: ConfidenceKind
}

/** What stays of a row: its log-probs and features have become one number each. */
interface ReducedRow extends Sample {
  readonly id: string
}

/** L(Q), over the rollouts that have a reward (paper, eq. 14-15); null where there is nothing to take it from. */
const confidenceOf = ({ rewards, logprobs, confidence: given }: AdvantageRow, kind: ConfidenceKind): number | null => {
  if (logprobs === undefined) return given ?? null
  const counted = logprobs.filter((_, i) => rewards[i] !== null)
  return counted.length === 0 ? null : confidence(counted, kind)
}

/** H(I), as given or from features (paper, eq. 5-9); null without an image. */
const entropyOf = ({ entropy, features }: AdvantageRow): number | null =>
  features === undefined || features === null
    ? (entropy ?? null)
    : visualEntropy({ rows: features.length, cols: features[0]!.length, data: features.flat() })

/** Only durian reads entropies and confidences: the others need not compute them. */
const reduced =
  ({ estimator: name, confidence: kind, weights }: AdvantagesOptions) =>
  (row: AdvantageRow): E.Either<string, ReducedRow> => {
    const { id, rewards } = row
    if (name !== 'durian') return E.right({ id, rewards, entropy: null, confidence: null })
    if (weights[2] !== 0 && row.logprobs === undefined && (row.confidence ?? null) === null)
      return E.left(
        `it has neither 'logprobs' nor 'confidence', which the reasoning weight ${weights[2]} needs: add one, or set the third of --weights to 0`,
      )
    return E.right({ id, rewards, entropy: entropyOf(row), confidence: confidenceOf(row, kind) })
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
 * `durian advantages` without its streams: JSON lines in, JSON lines out, in the same order. The whole input is the batch, so nothing comes
 * out before the last line is in, and nothing at all when a line is bad.
 */
export const runAdvantages = (
  lines: AsyncIterable<string>,
  options: AdvantagesOptions,
): TE.TaskEither<TrainError, Iterable<string>> =>
  attempt(async (take) => {
    const rows = await take(readJsonRows(lines, AdvantageRow, reduced(options)))
    const results = resultsOf(rows, options)
    const overflown = results.find(({ advantages }) => !advantages.every(isFiniteOrNull))
    if (overflown !== undefined)
      return take<never>(
        E.left(runFailed(`The advantages of ${JSON.stringify(overflown.id)} overflow: scale the rewards down.`)),
      )
    return (function* () {
      for (const result of results) yield JSON.stringify(result)
    })()
  })

const fromStdin = (flags: AdvantageFlags): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const options = await take(advantagesOptionsOf(flags))
    await take(filterStdin((lines) => runAdvantages(lines, options)))
  })

/** Adds `durian advantages` to the program. */
export const registerAdvantages = (program: Command): void => {
  const command = program
    .command('advantages')
    .summary('advantages of a batch of prompts: JSON lines in, JSON lines out')
    .description(
      'Reads one JSON object a line from standard input, {"id", "rewards": [G], "logprobs": [G][T] | "confidence", "entropy" | "features": [P][d]},\n' +
        'and prints one a line: {"id", "advantages": [G], "components", "perceptual", "reasoning"}. The whole input is one batch.\n' +
        'A null reward leaves its rollout out. Leave entropy and features out for a prompt without an image.',
    )
  addAdvantageFlags(command).action((flags: AdvantageFlags) => runCommand(fromStdin(flags)))
}
