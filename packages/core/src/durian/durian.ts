import { type Bucketer, percentileBuckets, quantileBuckets } from './bucket.ts'
import { scaled } from './compose.ts'
import { composition, type RewardEstimatorName } from './compositions.ts'
import type { Advantages } from './rewards.ts'
import { contextOf, type Sample } from './samples.ts'
import { type BucketSpread, bucketSpread, type StdOptions } from './spread.ts'

export type { Sample } from './samples.ts'

export interface DurianOptions extends StdOptions {
  /** alpha_ori, alpha_per, alpha_rea of eq. 20. */
  readonly weights: readonly [original: number, perceptual: number, reasoning: number]
  /** Fractions of the two edges between the perceptual buckets (eq. 10). */
  readonly perceptualQuantiles: readonly [low: number, high: number]
  /** b, the number of confidence groups (eq. 16). */
  readonly reasoningGroups: number
  /**
   * Whose numerators the difficulties scale, and who is the first of the three components; default `grpo`, which is the paper.
   * With `gdpo` the bucket's std is that of the scores z, with `rloo` that of the rewards.
   */
  readonly base?: RewardEstimatorName
  /** Weights of the samples' `parts`, for the base `gdpo`; default 1 each. */
  readonly rewardWeights?: ReadonlyArray<number>
  /** Ours, not the paper's: other buckets than `perceptualQuantiles` and `reasoningGroups` give, such as `windowedBuckets`. */
  readonly bucketers?: { readonly perceptual?: Bucketer; readonly reasoning?: Bucketer }
  /** Ours, not the paper's: another spread of a bucket than its std, such as `shrunkSpread`. */
  readonly spread?: BucketSpread
}

/**
 * The paper's settings, with EasyR1's epsilon and ddof. The headline row of the paper's table 1 is the best of each column of its
 * table 3 and not one setting; these weights are that table's first row, mean 58.8 over five benchmarks.
 */
export const durianDefaults: DurianOptions = {
  weights: [0.1, 0.2, 0.7],
  perceptualQuantiles: [0.25, 0.75],
  reasoningGroups: 12,
  epsilon: 1e-6,
  ddof: 1,
}

/** One kind of difficulty over a batch, [B] each. */
export interface Difficulty {
  /** Entropy or confidence as given, nats; null where there is none. */
  readonly scores: ReadonlyArray<number | null>
  /** 0 = lowest score; null where there is no score, or no reward in the group. */
  readonly buckets: ReadonlyArray<number | null>
  /** Std the group's advantages are divided by (before epsilon), reward units: the bucket's, or the group's own where it has no bucket. */
  readonly stds: ReadonlyArray<number>
  /** Interior edges between buckets, nats, ascending. */
  readonly edges: ReadonlyArray<number>
}

export interface DurianAdvantages {
  /** Eq. 20, in the shape of the rewards. */
  readonly advantages: Advantages
  /** `grpo` is the base's own advantage: GRPO's unless `base` says otherwise. */
  readonly components: { readonly grpo: Advantages; readonly perceptual: Advantages; readonly reasoning: Advantages }
  readonly perceptual: Difficulty
  readonly reasoning: Difficulty
}

/** Buckets of the samples that have a score and a reward; the others keep their own std, and move no edge. */
const difficulty = (
  samples: ReadonlyArray<Sample>,
  scores: ReadonlyArray<number | null>,
  bucketer: Bucketer,
): Pick<Difficulty, 'scores' | 'buckets' | 'edges'> => {
  const taking = scores.map((score, s) => score !== null && samples[s]!.rewards.some((reward) => reward !== null))
  const { buckets, edges } = bucketer(scores.filter((_, s): _ is number => taking[s]!))
  let next = 0
  return { scores, buckets: taking.map((takes) => (takes ? buckets[next++]! : null)), edges }
}

/**
 * Durian's advantages of one batch: GRPO's, those scaled per visual-entropy bucket, and those scaled per confidence bucket, combined.
 *
 *   A = alpha_ori A_grpo + alpha_per A_per + alpha_rea A_rea                                 (paper, eq. 20)
 *
 * Pass the whole rollout batch before any minibatch split: edges and stds are the batch's. A sample without an image takes its own GRPO
 * advantage as perceptual component, and one without a confidence likewise as reasoning component. With another `base` all three
 * components have that estimator's numerator.
 *
 * @returns components, buckets, stds and edges beside the sum; exactly 0 for a constant group
 * @throws RangeError for options out of range
 */
export const durianAdvantages = (samples: ReadonlyArray<Sample>, options: DurianOptions): DurianAdvantages => {
  const { base = 'grpo', bucketers = {}, spread = bucketSpread } = options
  const perceptual = difficulty(
    samples,
    samples.map((sample) => sample.entropy),
    bucketers.perceptual ?? percentileBuckets(options.perceptualQuantiles),
  )
  const reasoning = difficulty(
    samples,
    samples.map((sample) => sample.confidence),
    bucketers.reasoning ?? quantileBuckets(options.reasoningGroups),
  )
  const original = composition(base, options, contextOf(samples, options))
  const rewards = samples.map((sample) => sample.rewards)
  const values = original.scores === undefined ? rewards : original.scores(rewards)
  const numerators = original.centre(values)
  const stdsOf = (buckets: ReadonlyArray<number | null>) => spread(options.ddof)(buckets)(values, numerators)
  const [perceptualStds, reasoningStds] = [stdsOf(perceptual.buckets), stdsOf(reasoning.buckets)]
  const components = {
    grpo: original.spread === null ? numerators : scaled(numerators, original.spread(values, numerators), options),
    perceptual: scaled(numerators, perceptualStds, options),
    reasoning: scaled(numerators, reasoningStds, options),
  }
  return {
    advantages: combined(components, options.weights),
    components,
    perceptual: { ...perceptual, stds: perceptualStds },
    reasoning: { ...reasoning, stds: reasoningStds },
  }
}

/** Eq. 20 over components of one shape; null stays null. */
const combined = (
  { grpo, perceptual, reasoning }: DurianAdvantages['components'],
  [original, perception, reason]: DurianOptions['weights'],
): Advantages =>
  grpo.map((group, s) => {
    const [ofImage, ofQuestion] = [perceptual[s]!, reasoning[s]!]
    const out = group.slice()
    for (let i = 0; i < out.length; i++) {
      const own = out[i]!
      if (own !== null) out[i] = original * own + perception * ofImage[i]! + reason * ofQuestion[i]!
    }
    return out
  })
