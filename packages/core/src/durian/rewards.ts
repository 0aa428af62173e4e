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

/** The rewards that count. */
export const scored = (rewards: Rewards): ReadonlyArray<number> => {
  const values: Array<number> = []
  for (let i = 0; i < rewards.length; i++) {
    const reward = rewards[i]!
    if (reward !== null) values.push(reward)
  }
  return values
}

/** The rewards that count, of all groups. */
export const allScored = (rewards: RewardGroups): ReadonlyArray<number> => {
  const values: Array<number> = []
  for (const group of rewards) for (const reward of group) if (reward !== null) values.push(reward)
  return values
}
