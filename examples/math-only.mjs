// Advantages for a batch of prompts, with nothing but @durian/core:
//
//   npm install durian-core-0.1.0.tgz        # made by: cd packages/core && npx pnpm@12.21.0 pack
//   node math-only.mjs
import { confidence, durianAdvantages, durianDefaults, normals, visualEntropy } from '@durian/core'

// Three prompts with four rollouts each. A trainer has these numbers anyway: one reward a rollout, the log-probs of its tokens, and the
// features its vision encoder made of the picture, one row a patch.
const logprobs = (mean, seed) =>
  [0, 1, 2, 3].map((rollout) => Array.from(normals({ seed, index: rollout }, 6), (z) => mean + 0.1 * z))
const features = (rank, seed) => {
  const [patches, dim] = [32, 16]
  const axes = normals({ seed }, rank * dim)
  const mix = normals({ seed, index: 1 }, patches * rank)
  const data = new Float64Array(patches * dim)
  for (let p = 0; p < patches; p++)
    for (let k = 0; k < rank; k++)
      for (let j = 0; j < dim; j++) data[p * dim + j] += mix[p * rank + k] * axes[k * dim + j]
  return { rows: patches, cols: dim, data }
}
const prompts = [
  { id: 'flat picture, sure', rewards: [1, 1, 1, 0], logprobs: logprobs(-0.2, 1), features: features(1, 11) },
  { id: 'busy picture, unsure', rewards: [1, 0, 0, 0], logprobs: logprobs(-1.5, 2), features: features(12, 12) },
  { id: 'text only, solved', rewards: [1, 1, 1, 1], logprobs: logprobs(-0.1, 3), features: null },
]

const samples = prompts.map((prompt) => ({
  rewards: prompt.rewards,
  entropy: prompt.features === null ? null : visualEntropy(prompt.features), // nats, high = visually hard
  confidence: confidence(prompt.logprobs, 'sequence-sum'), // nats, low = hard to reason about
}))
const { advantages } = durianAdvantages(samples, { ...durianDefaults, reasoningGroups: 2 })

/** One line a prompt. */
export const lines = prompts.map(({ id }, s) => {
  const { entropy, confidence: sure } = samples[s]
  const numbers = advantages[s].map((advantage) => advantage.toFixed(3)).join(' ')
  return `${id}: entropy ${entropy === null ? '-' : entropy.toFixed(3)}, confidence ${sure.toFixed(2)}, advantages ${numbers}`
})
console.log(lines.join('\n'))
