import { type Backend, initAdamW } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../../config/trainConfig.ts'
import { attempt } from '../../effect.ts'
import type { TrainError } from '../../errors.ts'
import type { PolicyConfig } from '../../policy/config.ts'
import type { EncodedPrompt } from '../../policy/types.ts'
import { initialWeights } from '../../policy/weights.ts'
import { toDevice } from '../hostTensors.ts'
import type { Group } from '../groups.ts'
import { type Learner, replaced } from '../optimise.ts'
import { update, type UpdateStatistics } from '../update.ts'

/** One rollout batch as it was drawn: P prompts, G rollouts each. */
export interface RecordedBatch {
  /** Token ids, [P][G][T]. */
  readonly ids: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>
  /** Their log-probs while sampling, [P][G][T], nats. */
  readonly logprobs: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>
  /** [P][G]. */
  readonly advantages: ReadonlyArray<ReadonlyArray<number>>
}

/** Everything a run's updates depend on but the device. */
export interface ReplaySetting {
  readonly config: TrainConfig
  readonly policy: PolicyConfig
  /** Of the weights that every batch's first update starts from. */
  readonly seed: number
  /** The P prompts of every batch. */
  readonly prompts: ReadonlyArray<EncodedPrompt>
}

/** Where the next batch comes from, given the parameters so far; null ends the replay. */
export type NextBatch<T> = (learner: Learner<T>, step: number) => Promise<RecordedBatch | null>

const groupOf = (prompt: EncodedPrompt, batch: RecordedBatch, p: number): Group => ({
  row: { id: prompt.id, problem: '', answer: '', images: [], extra: {} },
  prompt,
  completions: batch.ids[p]!.map((ids, g) => ({
    ids: Int32Array.from(ids),
    logprobs: Float64Array.from(batch.logprobs[p]![g]!),
    terminated: true,
    excludedMass: 0,
  })),
  texts: batch.ids[p]!.map(() => ''),
  rewards: batch.advantages[p]!,
  parts: batch.ids[p]!.map(() => ({})),
  visualEntropy: null,
  confidence: 0,
})

/**
 * The updates of a run whose rollouts are given and not drawn. Free-running runs on two devices part at the first token that flips; with the
 * rollouts of one of them, both must show the same losses and gradient norms.
 *
 * @returns the statistics of each batch's updates
 */
export const replay = <T>(
  backend: Backend<T>,
  { config, policy, seed, prompts }: ReplaySetting,
  next: NextBatch<T>,
): TE.TaskEither<TrainError, ReadonlyArray<UpdateStatistics>> =>
  attempt((take) =>
    backend.memory.bracket(async (held) => {
      const put = () => held.keep(toDevice(backend)(initialWeights(policy, seed)))
      const params = put()
      let learner: Learner<T> = held.keep({ params, optimizer: initAdamW(backend.ops, params) })
      const reference = config.beta === 0 ? null : put()
      const learn = update({ backend, config, policy, reference, learningRate: () => config.learning_rate })
      const log: UpdateStatistics[] = []
      for (let batch = await next(learner, 0); batch !== null; batch = await next(learner, log.length)) {
        const found = batch
        const groups = prompts.map((prompt, p) => groupOf(prompt, found, p))
        const { learner: moved, statistics } = await take(learn(learner, groups, found.advantages))
        held.keep(moved)
        held.free(replaced(learner, moved))
        learner = moved
        log.push(statistics)
      }
      return log
    }),
  )
