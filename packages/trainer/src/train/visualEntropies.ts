import { type Matrix, type Params, visualEntropy } from '@durian/core'
import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { policyWeights } from '../policy/params.ts'
import { broughtFeatures } from '../policy/prompts.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { visionFeatures } from '../policy/vision.ts'
import type { RolloutContext } from './rollout.ts'

/**
 * Visual entropy of each prompt's pictures under the policy's own vision encoder, nats (paper, eq. 5-9); null without a picture.
 * All pictures of a prompt count together. The paper computes these once with a fixed encoder; here the encoder is the one in training.
 */
export const visualEntropies =
  <T>({
    backend: { ops, memory, transfer },
    config,
    policy,
    base,
    processor,
  }: Pick<RolloutContext<T>, 'backend' | 'config' | 'policy' | 'base'> &
    Partial<Pick<RolloutContext<T>, 'processor'>>) =>
  (params: Params<T>, prompts: ReadonlyArray<EncodedPrompt>): TE.TaskEither<TrainError, ReadonlyArray<number | null>> =>
    attempt((take) =>
      memory.bracket(async (held) => {
        const seen = prompts.filter((prompt) => prompt.images.length > 0)
        if (seen.length === 0) return prompts.map(() => null)
        const look = async (): Promise<ReadonlyArray<Matrix>> => {
          const { rows, counts } = held.keep(
            memory.scope(() =>
              visionFeatures(ops, policy)(
                policyWeights(params, base),
                seen.flatMap((prompt) => prompt.images),
                { features: config.durian.features, scope: memory.scope },
              ),
            ),
          )
          const cols = ops.shape(rows)[1]!
          const data = await take(transfer.read(rows))
          let picture = 0
          let row = 0
          return seen.map(({ images }) => {
            const first = row
            for (const _ of images) row += counts[picture++]!
            return { rows: row - first, cols, data: data.subarray(first * cols, row * cols) }
          })
        }
        const brought = config.durian.features === 'merged' ? broughtMatrices(seen, policy.text.hiddenSize) : undefined
        const features = brought ?? (await look())
        const entropies = await take(
          processor?.workers?.entropies(features) ?? either.right(features.map(visualEntropy)),
        )
        let next = 0
        return prompts.map((prompt) => (prompt.images.length === 0 ? null : entropies[next++]!))
      }),
    )

/** Features that all prompts' pictures bring, one matrix a prompt; undefined unless every picture does. */
const broughtMatrices = (prompts: ReadonlyArray<EncodedPrompt>, cols: number): ReadonlyArray<Matrix> | undefined => {
  const tensors = prompts.flatMap(({ images }) => broughtFeatures(images, cols) ?? [])
  return tensors.length < prompts.length
    ? undefined
    : tensors.map(({ shape, data }): Matrix => ({ rows: shape[0]!, cols, data }))
}
