import { mean, std } from '@durian/core'
import type { Group, GroupAdvantages } from './groups.ts'

const extremes = (values: ReadonlyArray<number>) => ({ min: Math.min(...values), max: Math.max(...values) })
const share = (count: number, total: number): number => (total === 0 ? 0 : count / total)
const known = (values: ReadonlyArray<number | null>): ReadonlyArray<number> => values.filter((value) => value !== null)

/** A mean that leaves its key out when there is nothing to average: NaN is not JSON. */
const meanEntry = (key: string, values: ReadonlyArray<number>): Record<string, number> =>
  values.length === 0 ? {} : { [key]: mean(values) }

/** Rewards of one rollout batch under TRL's names: mean over rollouts, mean of the groups' stds, and each function by name. */
export const rewardMetrics = (groups: ReadonlyArray<Group>): Record<string, number> => {
  const totals = groups.flatMap((group) => known(group.rewards))
  const names = [...new Set(groups.flatMap((group) => group.parts.flatMap((part) => Object.keys(part))))]
  const byFunction = names.map((name) => {
    const values = groups.flatMap((group) => known(group.parts.map((part) => part[name] ?? null)))
    return values.length === 0
      ? {}
      : {
          [`rewards/${name}/mean`]: mean(values),
          [`rewards/${name}/std`]: values.length > 1 ? std(values, { ddof: 1 }) : 0,
        }
  })
  const spreads = groups
    .map((group) => known(group.rewards))
    .filter((rewards) => rewards.length > 0)
    .map((rewards) => (rewards.length > 1 ? std(rewards, { ddof: 1 }) : 0))
  return Object.assign(
    {},
    meanEntry('reward', totals),
    meanEntry('reward_std', spreads),
    unscored(groups),
    { frac_reward_zero_std: share(spreads.filter((spread) => spread === 0).length, spreads.length) },
    ...byFunction,
  ) as Record<string, number>
}

const unscored = (groups: ReadonlyArray<Group>): Record<string, number> => {
  const rewards = groups.flatMap((group) => group.rewards)
  const missing = rewards.filter((reward) => reward === null).length
  return missing === 0 ? {} : { 'durian/rollouts_unscored': missing / rewards.length }
}

/** Lengths in tokens, end token included, and how often the limit cut a completion (TRL's `completions/*`). */
export const lengthMetrics = (groups: ReadonlyArray<Group>): Record<string, number> => {
  const completions = groups.flatMap((group) => group.completions)
  const lengths = completions.map((completion) => completion.ids.length)
  const { min, max } = extremes(lengths)
  return {
    'completions/mean_length': mean(lengths),
    'completions/min_length': min,
    'completions/max_length': max,
    ...meanEntry(
      'completions/mean_terminated_length',
      completions.filter((completion) => completion.terminated).map((completion) => completion.ids.length),
    ),
    'completions/clipped_ratio': share(
      completions.filter((completion) => !completion.terminated).length,
      completions.length,
    ),
    'sampling/excluded_mass': mean(completions.map((completion) => completion.excludedMass)),
  }
}

/** Accuracy of a prompt's rollouts: the mean of its accuracy reward, or of its total reward where there is none. */
const groupScore = (group: Group): number => {
  const accuracies = known(group.parts.map((part) => part['accuracy_reward'] ?? null))
  const values = accuracies.length > 0 ? accuracies : known(group.rewards)
  return values.length === 0 ? 0 : mean(values)
}

/** Occupancy, shared std and accuracy of every bucket of one difficulty, and its edges, under `durian/<name>/*`. */
export const bucketMetrics = (
  name: 'perceptual' | 'reasoning',
  groups: ReadonlyArray<Group>,
  { durian }: GroupAdvantages,
): Record<string, number> => {
  const { buckets, stds, edges, scores } = durian[name]
  const out: Record<string, number> = {}
  const values = known(scores)
  if (values.length > 0) out[`durian/${name}/mean`] = mean(values)
  edges.forEach((edge, u) => {
    const label = name === 'perceptual' ? (u === 0 ? 'edge_low' : 'edge_high') : `edge_${u}`
    out[`durian/${name}/${label}`] = edge
  })
  for (let bucket = 0; bucket <= edges.length; bucket++) {
    const members = buckets.flatMap((of, s) => (of === bucket ? [s] : []))
    const key = `durian/${name}/bucket_${bucket}`
    out[`${key}/count`] = members.length
    if (members.length === 0) continue
    out[`${key}/std`] = stds[members[0]!]!
    out[`${key}/accuracy`] = mean(members.map((s) => groupScore(groups[s]!)))
  }
  return out
}
