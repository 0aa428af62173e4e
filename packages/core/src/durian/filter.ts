import { isConstant, mean } from '../num/stats.ts'
import { type RewardGroups, type Rewards, scored } from './rewards.ts'

/** Why a group is not trained on, or `kept`. Only `meanVerdict` says `outside`. */
export type SpreadVerdict = 'kept' | 'constant' | 'unscored' | 'outside'

/**
 * Whether a group can move the policy: its scored rewards differ, tested on the rewards themselves (max !== min) and not on a computed std
 * or on the group's mean. EasyR1 filters on the mean in (0.01, 0.99) and so keeps groups of 0.1 or of 0.9 throughout, which have no gradient.
 */
export const spreadVerdict = (rewards: Rewards): SpreadVerdict => {
  const values = scored(rewards)
  return values.length === 0 ? 'unscored' : isConstant(values) ? 'constant' : 'kept'
}

/**
 * EasyR1's rule of its online filtering: low < mean reward < high (`EasyR1@b44b311 verl/trainer/ray_trainer.py#L518-L540`; 0.01 and 0.99 there).
 * It keeps groups of equal rewards between the bounds, which have no gradient: `spreadVerdict` is the better rule.
 */
export const meanVerdict =
  ({ low, high }: { readonly low: number; readonly high: number }) =>
  (rewards: Rewards): SpreadVerdict => {
    const values = scored(rewards)
    if (values.length === 0) return 'unscored'
    const centre = mean(values)
    return centre > low && centre < high ? 'kept' : 'outside'
  }

/** Counts of a filtered draw; `outside` is left out where there is none. */
export type SpreadCounts = Readonly<Record<Exclude<SpreadVerdict, 'outside'>, number>> & { readonly outside?: number }

/** How many groups a filter would keep and why it drops the others. */
export const spreadCounts = (rewards: RewardGroups): SpreadCounts =>
  counted(noRounds.counts, rewards.map(spreadVerdict))

const counted = (counts: SpreadCounts, verdicts: ReadonlyArray<SpreadVerdict>): SpreadCounts => {
  const sums: Record<Exclude<SpreadVerdict, 'outside'>, number> & { outside?: number } = { ...counts }
  for (const verdict of verdicts) sums[verdict] = (sums[verdict] ?? 0) + 1
  return sums
}

/** Dynamic sampling so far: groups accepted, and rounds drawn. Plain data. */
export interface Resampling<A> {
  readonly accepted: ReadonlyArray<A>
  readonly rounds: number
  readonly counts: SpreadCounts
}

export const noRounds: Resampling<never> = { accepted: [], rounds: 0, counts: { kept: 0, constant: 0, unscored: 0 } }

/** What to do after a round: train on `groups`, or draw again for the `missing` ones. */
export type ResamplingStep<A> =
  | { readonly _tag: 'Draw'; readonly missing: number; readonly state: Resampling<A> }
  /** `short`: the rounds ran out before there were enough groups; what there is, is trained on, and nothing throws. */
  | {
      readonly _tag: 'Train'
      readonly groups: ReadonlyArray<A>
      readonly short: boolean
      readonly counts: SpreadCounts
    }

export interface ResamplingOptions {
  /** Groups of a step. */
  readonly wanted: number
  readonly maxRounds: number
  /** Which groups are kept; default `spreadVerdict`. */
  readonly verdict?: (rewards: Rewards) => SpreadVerdict
}

/**
 * One round of DAPO's dynamic sampling (paper, eq. 4: groups with spread only): keeps what has spread, and says whether to draw again.
 * Bounded: after `maxRounds` rounds it trains on what was accepted, where EasyR1 throws after 20 (`EasyR1@b44b311 ray_trainer.py#L537-L553`).
 *
 * @param drawn - the round's groups with their rewards
 * @returns `Draw` while groups are missing and rounds are left; else `Train` with at most `wanted` groups, in the order they were drawn
 */
export const resampled =
  <A>({ wanted, maxRounds, verdict = spreadVerdict }: ResamplingOptions) =>
  (state: Resampling<A>, drawn: ReadonlyArray<{ readonly group: A; readonly rewards: Rewards }>): ResamplingStep<A> => {
    const verdicts = drawn.map(({ rewards }) => verdict(rewards))
    const accepted = [...state.accepted, ...drawn.filter((_, s) => verdicts[s] === 'kept').map(({ group }) => group)]
    const counts = counted(state.counts, verdicts)
    const rounds = state.rounds + 1
    const missing = wanted - accepted.length
    return missing > 0 && rounds < maxRounds
      ? { _tag: 'Draw', missing, state: { accepted, rounds, counts } }
      : { _tag: 'Train', groups: accepted.slice(0, wanted), short: missing > 0, counts }
  }
