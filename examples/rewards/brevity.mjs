// Rewards of your own: a file that exports functions. In a configuration,
//
//   reward_funcs: [./examples/rewards/brevity.mjs#brevity, accuracy_reward]
//   reward_weights: [0.1, 0.9]
//
// Each is given one completion with its whole row, and returns a number, null for "no verdict" (the rollout is left out), or a promise of either.
// docs/rewards.md says the rest.

/** 1 for an empty completion, 0 from 32 tokens on, and in between the more the shorter. */
export const brevity = ({ length }) => Math.max(0, 1 - length / 32)

/** Another column of the row decides: questions of more steps may take longer. Without that column there is no verdict. */
export const patience = ({ row, length }) => {
  const { steps } = row.extra
  return typeof steps === 'number' ? Math.max(0, 1 - length / (16 * steps)) : null
}

/** All completions of a step at once: the shortest of each question gets 1, the longest 0. It says so by `batched`. */
export const shortest = (samples) => {
  const ofRow = Map.groupBy?.(samples, ({ row }) => row.id) ?? grouped(samples)
  return samples.map(({ row, length }) => {
    const lengths = ofRow.get(row.id).map((sample) => sample.length)
    const [least, most] = [Math.min(...lengths), Math.max(...lengths)]
    return most === least ? 0 : (most - length) / (most - least)
  })
}
shortest.batched = true

/** What Map.groupBy does, which Node 20 lacks. */
const grouped = (samples) => {
  const groups = new Map()
  for (const sample of samples) groups.set(sample.row.id, [...(groups.get(sample.row.id) ?? []), sample])
  return groups
}
