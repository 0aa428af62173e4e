import { klInReward, mean, type Params, type RewardGroups, tokenKl } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import { policyWeights } from '../policy/params.ts'
import type { Group } from './groups.ts'
import { chunks } from './microBatch.ts'
import type { UpdateContext } from './update.ts'

/** ln pi of each rollout's tokens under some parameters, [P][G][T], nats. */
const hostLogprobs =
  <T>({ backend, config, policy, base }: UpdateContext<T>) =>
  (
    params: Params<T>,
    groups: ReadonlyArray<Group>,
  ): TE.TaskEither<TrainError, ReadonlyArray<ReadonlyArray<Float32Array>>> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const { ops, memory, transfer } = backend
        const found: Array<ReadonlyArray<Float32Array>> = []
        for (const part of chunks(groups, config.per_device_train_batch_size / config.num_generations)) {
          const batch = completionBatch(policy)(
            part.map(({ prompt }) => prompt),
            part.map(({ completions }) => completions.map(({ ids }) => ids)),
          )
          const scores = held.keep(
            memory.scope(() => ({
              ...scoreCompletions(ops, policy)(policyWeights(params, base), batch, {
                temperature: config.temperature,
                scope: memory.scope,
              }),
            })),
          )
          const values = await take(transfer.read(scores.logprob)) // [P * G * Tr]
          held.free(scores)
          let row = 0
          for (const { completions } of part)
            found.push(
              completions.map(({ ids }) => {
                const start = batch.length * row++
                return values.slice(start, start + ids.length)
              }),
            )
        }
        return found
      }),
    )

export interface PenalisedRewards {
  /** In the shape of the groups' rewards. */
  readonly rewards: RewardGroups
  /** Mean of the estimate over all tokens, nats. */
  readonly kl: number
}

/** The rewards less the KL penalty of their rollouts; null where the configuration has none in the reward. */
export const penalisedRewards =
  <T>(context: UpdateContext<T>) =>
  (groups: ReadonlyArray<Group>, coefficient: number): TE.TaskEither<TrainError, PenalisedRewards | null> =>
    attempt(async (take) => {
      const { config, reference } = context
      if (reference === null || config.kl.placement === 'loss') return null
      const estimator = config.kl.estimator ?? 'k1'
      // The configuration's checks refuse the straight-through names here: a reward has no gradient.
      if (estimator === 'k1+' || estimator === 'k3+' || estimator === 'abs+') return null
      const rewards = groups.map((group) => group.rewards)
      const logprobs = groups.map(({ completions }) => completions.map((completion) => completion.logprobs))
      const refLogprobs = await take(hostLogprobs(context)(reference, groups))
      const divergences = logprobs.flatMap((group, s) =>
        group.flatMap((own, i) => Array.from(tokenKl(own, refLogprobs[s]![i]!, { estimator }))),
      )
      return {
        rewards: klInReward({ rewards, logprobs, refLogprobs, coefficient, estimator }),
        kl: divergences.length === 0 ? 0 : mean(divergences),
      }
    })
