import * as t from 'io-ts'
import { E } from '../fp.ts'
import { Finite, Text } from './finite.ts'
import { NumberLists, NumberRows, NumbersOrNull } from './numbers.ts'
import { sealed } from './sealed.ts'

/** One prompt of a batch whose advantages are wanted: a line into `durian advantages`. */
export interface AdvantageRow {
  readonly id: string
  /** [G], G >= 1; null leaves a rollout out. */
  readonly rewards: ReadonlyArray<number | null>
  /** Token log-probs of each rollout, [G][T_i], T_i >= 1, nats. */
  readonly logprobs?: ReadonlyArray<ReadonlyArray<number>>
  /** Instead of log-probs: the prompt's confidence, nats. */
  readonly confidence?: number | null
  /** Visual entropy, nats; null or absent without an image. */
  readonly entropy?: number | null
  /** Instead of an entropy: patch features, [P][d]. */
  readonly features?: ReadonlyArray<ReadonlyArray<number>> | null
  /** For `gdpo`: the rewards of each function, [K][G], K >= 1; null where one did not judge a rollout. */
  readonly parts?: ReadonlyArray<ReadonlyArray<number | null>>
}

const orNull = <A>(codec: t.Type<A>): t.Type<A | null> =>
  new t.Type<A | null>(
    `${codec.name} or null`,
    (u): u is A | null => u === null || codec.is(u),
    (u, context) => (u === null ? t.success(null) : codec.validate(u, context)),
    t.identity,
  )

const shape = sealed(
  'a record with id and rewards',
  { id: Text, rewards: NumbersOrNull },
  {
    logprobs: NumberLists,
    confidence: orNull(Finite),
    entropy: orNull(Finite),
    features: orNull(NumberRows),
    parts: t.readonlyArray(NumbersOrNull),
  },
  // Rows often carry columns of their own; only what looks like a slip of a known key is refused.
  { unknownKeys: 'near' },
)

/** What the shape alone cannot say. */
const conflict = (row: AdvantageRow): string | undefined => {
  if (row.logprobs !== undefined && row.logprobs.length !== row.rewards.length)
    return `'logprobs' has ${row.logprobs.length} rollouts and 'rewards' has ${row.rewards.length}: give one list of log-probs a reward`
  const odd = row.parts?.find((part) => part.length !== row.rewards.length)
  if (row.parts?.length === 0) return `'parts' is empty: give the rewards of one function at least`
  if (odd !== undefined)
    return `an entry of 'parts' has ${odd.length} rollouts and 'rewards' has ${row.rewards.length}: give one number a reward`
  if (row.logprobs !== undefined && typeof row.confidence === 'number')
    return `both 'logprobs' and 'confidence' are given: leave one out`
  if (Array.isArray(row.features) && typeof row.entropy === 'number')
    return `both 'features' and 'entropy' are given: leave one out`
  return undefined
}

/** Codec of `AdvantageRow`: every number finite, lengths that fit, and one source for each difficulty. Other columns are dropped. */
export const AdvantageRow: t.Type<AdvantageRow> = new t.Type<AdvantageRow>(
  'a record with id and rewards',
  (u): u is AdvantageRow => shape.is(u) && conflict(u) === undefined,
  (u, context) => {
    const decoded = shape.validate(u, context)
    if (E.isLeft(decoded)) return decoded
    const row = decoded.right as AdvantageRow
    const message = conflict(row)
    return message === undefined ? t.success(row) : t.failure(u, context, message)
  },
  t.identity,
)

/** One prompt's advantages: a line out of `durian advantages`. */
export interface AdvantageResult {
  readonly id: string
  /** [G], null where the reward is. */
  readonly advantages: ReadonlyArray<number | null>
  /** `grpo`, `perceptual`, `reasoning` for durian; the estimator's own name for others. */
  readonly components: Readonly<Record<string, ReadonlyArray<number | null>>>
  /** null for estimators without difficulties. */
  readonly perceptual: { readonly entropy: number | null; readonly bucket: number | null; readonly std: number } | null
  readonly reasoning: {
    readonly confidence: number | null
    readonly bucket: number | null
    readonly std: number
  } | null
}

const placed = { bucket: orNull(Finite), std: Finite }

export const AdvantageResult: t.Type<AdvantageResult> = sealed("a prompt's advantages", {
  id: Text,
  advantages: NumbersOrNull,
  components: t.record(t.string, NumbersOrNull),
  perceptual: orNull(sealed('an entropy and its bucket', { entropy: orNull(Finite), ...placed })),
  reasoning: orNull(sealed('a confidence and its bucket', { confidence: orNull(Finite), ...placed })),
})

/** One picture's features: a line into `durian entropy`. */
export interface FeatureRow {
  readonly id: string
  /** [P][d] */
  readonly features: ReadonlyArray<ReadonlyArray<number>>
}

export const FeatureRow: t.Type<FeatureRow> = sealed(
  'a record with id and features',
  { id: Text, features: NumberRows },
  {},
  { unknownKeys: 'near' },
)
