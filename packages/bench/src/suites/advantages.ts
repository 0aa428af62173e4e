import { durianDefaults, estimator, type EstimatorName, normals, type Sample, streams, uniforms } from '@durian/core'
import type { Case } from '../harness.ts'

const prompts = 512
const rollouts = 8

/** One rollout batch of the paper's size (512 x 8), with its mixture of equal, 7:1 and mixed groups. */
const batch = (): ReadonlyArray<Sample> => {
  const key = { seed: 1, stream: streams.test }
  const entropies = normals({ ...key, index: 1 }, prompts)
  const confidences = normals({ ...key, index: 2 }, prompts)
  const skill = uniforms({ ...key, index: 3 }, prompts)
  return Array.from({ length: prompts }, (_, s) => {
    const draws = uniforms({ ...key, index: 4 + s }, rollouts)
    return {
      rewards: Array.from(draws, (u) => (u < skill[s]! ** 0.3 ? 1 : 0.1)),
      entropy: 3 + entropies[s]!,
      confidence: -40 + 10 * confidences[s]!,
    }
  })
}

/** Advantages of a whole rollout batch under each way of normalising. */
export const advantageCases = (): ReadonlyArray<Case> => {
  const samples = batch()
  const names: ReadonlyArray<EstimatorName> = ['durian', 'grpo', 'batch']
  return names.map((name): Case => {
    const advantages = estimator(name, durianDefaults)
    return {
      suite: 'core',
      name: `advantages, ${name}`,
      size: `${prompts} x ${rollouts}`,
      work: { count: () => prompts * rollouts, unit: 'rollouts' },
      subjects: [{ by: 'durian', once: () => void advantages(samples) }],
    }
  })
}
