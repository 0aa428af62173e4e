import { type BatchTotals, countedTotals } from '@durian/core'
import type { TrainConfig } from '../config/trainConfig.ts'
import { completionBatch, type CompletionBatch } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import type { Rolled } from './groups.ts'

/** One micro-batch on the host: its programs' inputs. */
export interface MicroBatch {
  readonly batch: CompletionBatch
  /** [R, T] row-major: 1 for a token that counts. */
  readonly mask: Float64Array
  readonly advantages: Float64Array
  /** Sampled log-probs, [R, T]; 0 at padding. */
  readonly sampled: Float64Array
}

export const chunks = <A>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

/** Rollouts of a batch, R. */
export const rowsOf = (batch: CompletionBatch): number => batch.prompts.count * batch.rollouts

export type Scored = readonly [group: Rolled, advantages: ReadonlyArray<number | null>]

/** A rollout counts in the loss when it has an advantage and is not cut off where cut-off ones are masked. */
const counts = (config: TrainConfig, [group, advantages]: Scored, rollout: number): boolean =>
  advantages[rollout] !== null && (group.completions[rollout]!.terminated || !config.mask_truncated_completions)

export const microBatch = (config: TrainConfig, policy: PolicyConfig, items: ReadonlyArray<Scored>): MicroBatch => {
  const batch = completionBatch(policy)(
    items.map(([group]) => group.prompt),
    items.map(([group]) => group.completions.map((completion) => completion.ids)),
  )
  const { length } = batch
  const rows = rowsOf(batch)
  const mask = Float64Array.from(batch.mask)
  const advantages = new Float64Array(rows)
  const sampled = new Float64Array(rows * length)
  let row = 0
  for (const item of items) {
    const [group, ofGroup] = item
    group.completions.forEach((completion, rollout) => {
      sampled.set(completion.logprobs, row * length)
      if (counts(config, item, rollout)) advantages[row] = ofGroup[rollout]!
      else mask.fill(0, row * length, (row + 1) * length)
      row++
    })
  }
  return { batch, mask, advantages, sampled }
}

/** Tokens, and sequences, that the loss of the whole update batch is divided by; `masked_completions` says whether those without loss count. */
export const totalsOf = (config: TrainConfig, items: ReadonlyArray<Scored>): BatchTotals =>
  countedTotals(
    items.flatMap(([group]) => group.completions.map((completion) => completion.ids.length)),
    items.flatMap((item) => item[0].completions.map((_, rollout) => counts(config, item, rollout))),
    { uncounted: config.masked_completions },
  )

/** |ln pi of the training forward - ln pi recorded while sampling| over the tokens that count, nats. */
export const samplingDifference = (micro: ReadonlyArray<MicroBatch>, logprobs: ReadonlyArray<Float32Array>) => {
  let total = 0
  let count = 0
  let max = 0
  micro.forEach(({ sampled, mask }, m) => {
    for (let i = 0; i < sampled.length; i++) {
      if (mask[i] === 0) continue
      const gap = Math.abs(logprobs[m]![i]! - sampled[i]!)
      total += gap
      count++
      if (gap > max) max = gap
    }
  })
  return { mean: count === 0 ? 0 : total / count, max }
}
