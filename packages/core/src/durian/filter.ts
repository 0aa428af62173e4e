import { isConstant } from '../num/stats.ts'
import { type RewardGroups, type Rewards, scored } from './rewards.ts'

/** Why a group has no gradient, or `kept`. */
export type SpreadVerdict = 'kept' | 'constant' | 'unscored'

/**
 * Whether a group can move the policy: its scored rewards differ, tested on the rewards themselves (max !== min) and not on a computed std
 * or on the group's mean. EasyR1 filters on the mean in (0.01, 0.99) and so keeps groups of 0.1 or of 0.9 throughout, which have no gradient.
 */
export const spreadVerdict = (rewards: Rewards): SpreadVerdict => {
  const values = scored(rewards)
  return values.length === 0 ? 'unscored' : isConstant(values) ? 'constant' : 'kept'
}

/** Counts of a filtered draw. */
export type SpreadCounts = Readonly<Record<SpreadVerdict, number>>

/** How many groups a filter would keep and why it drops the others. */
export const spreadCounts = (rewards: RewardGroups): SpreadCounts => {
  const counts = { kept: 0, constant: 0, unscored: 0 }
  for (const group of rewards) counts[spreadVerdict(group)]++
  return counts
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

/**
 * One round of DAPO's dynamic sampling (paper, eq. 4: groups with spread only): keeps what has spread, and says whether to draw again.
 * Bounded: after `maxRounds` rounds it trains on what was accepted, where EasyR1 throws after 20 (`EasyR1@b44b311 ray_trainer.py#L537-L553`).
 *
 * @param drawn - the round's groups with their rewards
 * @returns `Draw` while groups are missing and rounds are left; else `Train` with at most `wanted` groups, in the order they were drawn
 */
export const resampled =
  <A>({ wanted, maxRounds }: { readonly wanted: number; readonly maxRounds: number }) =>
  (state: Resampling<A>, drawn: ReadonlyArray<{ readonly group: A; readonly rewards: Rewards }>): ResamplingStep<A> => {
    const found = spreadCounts(drawn.map(({ rewards }) => rewards))
    const accepted = [
      ...state.accepted,
      ...drawn.filter(({ rewards }) => spreadVerdict(rewards) === 'kept').map(({ group }) => group),
    ]
    const counts: SpreadCounts = {
      kept: state.counts.kept + found.kept,
      constant: state.counts.constant + found.constant,
      unscored: state.counts.unscored + found.unscored,
    }
    const rounds = state.rounds + 1
    const missing = wanted - accepted.length
    return missing > 0 && rounds < maxRounds
      ? { _tag: 'Draw', missing, state: { accepted, rounds, counts } }
      : { _tag: 'Train', groups: accepted.slice(0, wanted), short: missing > 0, counts }
  }
