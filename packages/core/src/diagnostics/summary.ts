import type { Advantages, RewardGroups } from '../durian/advantage.ts'
import { byKind, type GroupKind, groupKind, type Right, type RightHistogram, rightHistograms } from './groupKind.ts'
import { effectiveShare, gainRatio, massShares } from './mass.ts'

/** Where a batch's groups stand and who moves the update. Shares are in [0, 1]. */
export interface GroupSummary {
  readonly groups: number
  /** Kind of each group, [B]. */
  readonly kinds: ReadonlyArray<GroupKind>
  readonly counts: Readonly<Record<GroupKind, number>>
  readonly histograms: ReadonlyArray<RightHistogram>
  /**
   * Share of groups without a gradient: kinds all_right, all_wrong, constant_other, unscored. TRL's `frac_reward_zero_std`.
   * Healthy: below 0.5 (the paper's runs: 0.35-0.46); near 1 nothing is learnt.
   */
  readonly zeroVariance: number
  /** Share of the update's mass by kind. Healthy: one_right + one_wrong near their share of the groups with a gradient. */
  readonly mass: Readonly<Record<GroupKind, number>>
  /** See `effectiveShare`. */
  readonly effectiveShare: number
  /** See `gainRatio`. Healthy: below about 5; the paper's disease is a high value. */
  readonly gainRatio: number
}

export interface GroupBatch {
  readonly rewards: RewardGroups
  /** Rightness of each rollout, in the shape of the rewards: from an accuracy reward, or `rightAbove(rewardMidpoint(rewards))(rewards)`. */
  readonly right: ReadonlyArray<Right>
  readonly advantages: Advantages
}

const withoutGradient: ReadonlySet<GroupKind> = new Set(['all_right', 'all_wrong', 'constant_other', 'unscored'])

/** The statistics of the paper's table 4 and the share of the update behind each row. All 0 for an empty batch. */
export const groupSummary = ({ rewards, right, advantages }: GroupBatch): GroupSummary => {
  const kinds = rewards.map((group, s) => groupKind(group, right[s] ?? []))
  const shares = massShares(advantages, kinds)
  return {
    groups: kinds.length,
    kinds,
    counts: byKind((kind) => kinds.filter((one) => one === kind).length),
    histograms: rightHistograms(right),
    zeroVariance: kinds.length === 0 ? 0 : kinds.filter((kind) => withoutGradient.has(kind)).length / kinds.length,
    mass: byKind((kind) => shares.get(kind) ?? 0),
    effectiveShare: effectiveShare(advantages),
    gainRatio: gainRatio(rewards, advantages),
  }
}
