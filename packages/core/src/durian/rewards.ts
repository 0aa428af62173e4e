/** Rewards of one prompt's rollouts, [G]; `null` where a reward could not be computed: that rollout is left out of everything. */
export type Rewards = ReadonlyArray<number | null>

/** Rewards of a batch, [B][G_s]: groups may differ in size. */
export type RewardGroups = ReadonlyArray<Rewards>

/** Advantages of a batch in the shape of its rewards; `null` exactly where the reward is. */
export type Advantages = ReadonlyArray<ReadonlyArray<number | null>>

/** Rewards of a batch to advantages. */
export type AdvantageEstimator = (rewards: RewardGroups) => Advantages

/** Tokens of each rollout, in the shape of the rewards, [B][G_s]; what stands at a null reward does not count. */
export type Lengths = ReadonlyArray<ReadonlyArray<number>>

/** The rewards that count; the group itself where none is missing. */
export const scored = (rewards: Rewards): ReadonlyArray<number> =>
  rewards.includes(null) ? rewards.filter((reward) => reward !== null) : (rewards as ReadonlyArray<number>)

/** The rewards that count, of all groups. */
export const allScored = (rewards: RewardGroups): Float64Array => {
  let size = 0
  for (const group of rewards) size += group.length
  const values = new Float64Array(size)
  let count = 0
  for (const group of rewards)
    for (let i = 0; i < group.length; i++) {
      const reward = group[i]!
      if (reward !== null) values[count++] = reward
    }
  return values.subarray(0, count)
}
