import { ShapeError } from '../ops/shape.ts'
import type { BatchContext } from './compositions.ts'
import type { Rewards } from './rewards.ts'

/** What the normalisation reads of one prompt. */
export interface Sample {
  readonly rewards: Rewards
  /** Visual entropy H(I_s), nats; null for a prompt without an image. */
  readonly entropy: number | null
  /** Confidence L(Q_s), nats; null when it is not known. */
  readonly confidence: number | null
  /** Tokens of each rollout, [G]; give it for all samples of a batch or for none. */
  readonly lengths?: ReadonlyArray<number>
  /** The rewards of each rollout by function, [K][G], for `gdpo`; give it for all samples of a batch or for none. */
  readonly parts?: ReadonlyArray<Rewards>
}

/** What a batch of samples tells an estimator besides one reward a rollout. */
export const contextOf = (
  samples: ReadonlyArray<Sample>,
  { rewardWeights }: Pick<BatchContext, 'rewardWeights'>,
): BatchContext => {
  const lengths = ofAll(samples, 'lengths')
  const parts = ofAll(samples, 'parts')
  return { lengths, parts: parts === undefined ? undefined : byFunction(parts), rewardWeights }
}

const ofAll = <K extends 'lengths' | 'parts'>(
  samples: ReadonlyArray<Sample>,
  key: K,
): ReadonlyArray<NonNullable<Sample[K]>> | undefined => {
  const given: Array<NonNullable<Sample[K]>> = []
  for (const sample of samples) {
    const value = sample[key]
    if (value !== undefined) given.push(value)
  }
  if (given.length === 0) return undefined
  if (given.length < samples.length)
    throw new ShapeError(`${given.length} of ${samples.length} samples have ${key}: give them for all or for none`)
  return given
}

/** [B][K][G] -> [K][B][G]. */
const byFunction = (parts: ReadonlyArray<ReadonlyArray<Rewards>>): ReadonlyArray<ReadonlyArray<Rewards>> => {
  const count = parts[0]!.length
  parts.forEach((one, s) => {
    if (one.length !== count)
      throw new ShapeError(`sample ${s} has ${one.length} rewards a rollout, sample 0 has ${count}`)
  })
  return Array.from({ length: count }, (_, k) => parts.map((one) => one[k]!))
}
