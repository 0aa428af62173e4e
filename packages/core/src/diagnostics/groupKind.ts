import { type RewardGroups, type Rewards, scored } from '../durian/advantage.ts'
import { isConstant } from '../num/stats.ts'
import { ShapeError } from '../ops/shape.ts'

/** Whether each rollout of a group is right, [G]; null where it was not scored. */
export type Right = ReadonlyArray<boolean | null>

/**
 * What a group's rollouts look like, with k right of the n that were scored:
 * - `all_right`, `all_wrong`: k = n or k = 0 and equal rewards, no gradient;
 * - `constant_other`: equal rewards although some are right and some wrong, no gradient;
 * - `shaping_only`: k = n or k = 0 but rewards differ, so format or length alone decides the gradient;
 * - `one_wrong`: k = n - 1, `one_right`: k = 1, both for n >= 3: the groups a per-prompt std inflates most;
 * - `mixed`: everything else with a gradient;
 * - `unscored`: no reward at all.
 */
export const groupKinds = [
  'all_right',
  'all_wrong',
  'constant_other',
  'shaping_only',
  'one_wrong',
  'one_right',
  'mixed',
  'unscored',
] as const
export type GroupKind = (typeof groupKinds)[number]

/** A value for each kind. */
export const byKind = <A>(value: (kind: GroupKind) => A): Readonly<Record<GroupKind, A>> =>
  Object.fromEntries(groupKinds.map((kind) => [kind, value(kind)])) as Record<GroupKind, A>

/** Right = reward above a threshold, for rewards that come without their parts. */
export const rightAbove =
  (threshold: number) =>
  (rewards: RewardGroups): ReadonlyArray<Right> =>
    rewards.map((group) => group.map((reward) => (reward === null ? null : reward > threshold)))

/**
 * The middle between the batch's lowest and highest reward: with 0.9 accuracy + 0.1 format it puts 0.9 and 1 above, 0 and 0.1 below.
 * A guess for when nothing better is known: where an accuracy reward was recorded, decide by that.
 *
 * @returns reward units; 0 for a batch of equal rewards or none, so that only a positive reward is then right
 */
export const rewardMidpoint = (rewards: RewardGroups): number => {
  let low = Infinity
  let high = -Infinity
  for (const group of rewards)
    for (const reward of group)
      if (reward !== null) {
        low = Math.min(low, reward)
        high = Math.max(high, reward)
      }
  return low < high ? low + (high - low) / 2 : 0
}

/** Right rollouts and scored rollouts of a group. */
export const rightCount = (right: Right): { readonly k: number; readonly n: number } => ({
  k: right.filter((one) => one === true).length,
  n: right.filter((one) => one !== null).length,
})

/**
 * The kind of one group: see `groupKinds`.
 *
 * @throws ShapeError when rewards and rightness differ in length, or one is null where the other is not
 */
export const groupKind = (rewards: Rewards, right: Right): GroupKind => {
  if (rewards.length !== right.length || rewards.some((reward, i) => (reward === null) !== (right[i] === null)))
    throw new ShapeError(`rewards [${rewards.join(', ')}] and rightness [${right.join(', ')}] do not fit together`)
  const { k, n } = rightCount(right)
  if (n === 0) return 'unscored'
  const unanimous = k === 0 || k === n
  if (isConstant(scored(rewards))) return unanimous ? (k === n ? 'all_right' : 'all_wrong') : 'constant_other'
  if (unanimous) return 'shaping_only'
  if (n >= 3 && k === n - 1) return 'one_wrong'
  if (n >= 3 && k === 1) return 'one_right'
  return 'mixed'
}

/** Groups that share a number of scored rollouts. */
export interface RightHistogram {
  /** Scored rollouts a group. */
  readonly n: number
  /** counts[k]: groups with k right of n; [n + 1]. */
  readonly counts: ReadonlyArray<number>
}

/** How many groups have k right of n (the paper's table 4 in full), one histogram for each n that occurs, ascending. */
export const rightHistograms = (groups: ReadonlyArray<Right>): ReadonlyArray<RightHistogram> => {
  const byN = new Map<number, Array<number>>()
  for (const group of groups) {
    const { k, n } = rightCount(group)
    const counts = byN.get(n) ?? new Array<number>(n + 1).fill(0)
    counts[k]!++
    byN.set(n, counts)
  }
  return Array.from(byN, ([n, counts]) => ({ n, counts })).sort((a, b) => a.n - b.n)
}
