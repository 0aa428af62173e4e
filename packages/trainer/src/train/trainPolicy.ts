import { type Backend, confidence, initAdamW, mean, type Params } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { givenInTree } from '../config/layers.ts'
import { resolveConfig } from '../config/resolveConfig.ts'
import { batchArithmetic, type Partially, type TrainConfig } from '../config/trainConfig.ts'
import { rowOrder } from '../data/order.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { generate } from '../policy/generate.ts'
import { policyWeights } from '../policy/params.ts'
import type { Completion, EncodedPrompt } from '../policy/types.ts'
import { groupAdvantages, type Rolled } from './groups.ts'
import { frozenIn, type Learner, replaced, trainable } from './optimise.ts'
import { scheduleOf } from './schedule.ts'
import { nextMemory, noMemory } from './stepMemory.ts'
import { update, type UpdateStatistics } from './update.ts'
import { visualEntropies } from './visualEntropies.ts'

/** What one step did. */
export interface PolicyStep {
  /** From 1. */
  readonly step: number
  /** Mean over the rollouts that have a reward; NaN where none has. */
  readonly reward: number
  readonly statistics: UpdateStatistics
  readonly groups: ReadonlyArray<Rolled>
}

export interface TrainPolicyOptions {
  /**
   * Keys of a configuration (docs/config.md), those of files and data left out. `generation_batch_size` is by default all prompts once,
   * `per_device_train_batch_size` one update of it.
   */
  readonly config: Partially<TrainConfig>
  /** What is asked, in shuffled epochs. At least 1. */
  readonly prompts: ReadonlyArray<EncodedPrompt>
  /** What a completion is worth; null leaves it out. */
  readonly reward: (completion: Completion, prompt: EncodedPrompt) => number | null | Promise<number | null>
  readonly onStep?: (step: PolicyStep) => void | Promise<void>
  /** Stops between tokens and steps, with `Interrupted`; what was learnt is lost. */
  readonly signal?: AbortSignal
}

/**
 * `max_steps` steps of a run without its files, in a page as in Node: rollouts, rewards, difficulties, advantages and updates are those of
 * `trainStep`. The given parameters stay the caller's; of the result those that did not move are the same tensors.
 *
 * @returns Left: a sentence, for a configuration that needs more than this (adapters, dynamic sampling, penalties in the reward) and for
 *   all that can fail in a step
 */
export const trainPolicy =
  <T>(backend: Backend<T>, policy: PolicyConfig) =>
  (params: Params<T>, options: TrainPolicyOptions): TE.TaskEither<TrainError, Params<T>> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const { prompts, reward, signal } = options
        const config = await take(configOf(options))
        const { promptsPerStep } = batchArithmetic(config)
        const order = rowOrder({ seed: config.seed, rows: prompts.length })
        const learningRate = scheduleOf(config)
        const reference = config.beta > 0 ? params : null
        const entropiesOf = visualEntropies({ backend, config, policy })
        const given = new Set(Object.values(params))
        const moving = trainable(params, frozenIn(config))
        const optimizer = held.keep(backend.memory.scope(() => initAdamW(backend.ops, moving)))
        let learner: Learner<T> = { params, optimizer }
        let memory = noMemory(config)
        for (let step = 0; step < config.max_steps; step++) {
          const asked = order.take(step * promptsPerStep, promptsPerStep).map((i) => prompts[i]!)
          const drawn = await take(
            generate(backend, policy)(policyWeights(learner.params), asked, {
              ...drawsOf(config, policy),
              step,
              ...(signal === undefined ? {} : { signal }),
            }),
          )
          const entropies = await take(entropiesOf(learner.params, asked))
          const groups: Array<Rolled> = []
          for (const [s, prompt] of asked.entries()) {
            const completions = drawn[s]!
            const rewards: Array<number | null> = []
            for (const completion of completions) rewards.push(await reward(completion, prompt))
            const logprobs = completions.map((completion) => completion.logprobs)
            groups.push({
              prompt,
              completions,
              rewards,
              parts: rewards.map((worth) => ({ reward: worth })),
              visualEntropy: entropies[s]!,
              confidence: confidence(logprobs, config.durian.confidence),
            })
          }
          const { advantages, durian } = groupAdvantages(config, groups, { memory })
          const context = { backend, config, policy, reference, learningRate }
          const next = await take(update(context)(learner, groups, advantages, memory.klCoefficient))
          held.keep(replaced(next.learner, learner))
          held.free(replaced(learner, next.learner).filter((tensor) => !given.has(tensor)))
          learner = next.learner
          memory = nextMemory(config, memory, {
            durian,
            kl: next.statistics.kl,
            rollouts: promptsPerStep * config.num_generations,
          })
          const worth = groups.flatMap(({ rewards }) => rewards.filter((one) => one !== null))
          const report = { step: step + 1, statistics: next.statistics, groups }
          await options.onStep?.({ ...report, reward: worth.length === 0 ? NaN : mean(worth) })
        }
        held.release(Object.values(learner.params).filter((tensor) => !given.has(tensor)))
        return learner.params
      }),
    )

/** Temperature and truncation of the configuration; the architecture's own end tokens, its vision tokens banned. */
const drawsOf = (config: TrainConfig, { text, tokens }: PolicyConfig) => ({
  numGenerations: config.num_generations,
  maxCompletionLength: config.max_completion_length,
  temperature: config.temperature,
  topP: config.top_p,
  topK: config.top_k,
  banned: [tokens.image, tokens.video, tokens.visionStart, tokens.visionEnd].filter(
    (id) => id >= 0 && id < text.vocabSize,
  ),
  endTokens: tokens.end,
  seed: config.seed,
})

/** Keys of a run's files, which nothing here reads. */
const noFiles = { model_name_or_path: 'none', dataset: 'none', output_dir: 'none' }

const configOf = ({
  config: given,
  prompts,
}: Pick<TrainPolicyOptions, 'config' | 'prompts'>): E.Either<TrainError, TrainConfig> => {
  if (prompts.length === 0) return E.left(badInput('There are no prompts to train on.'))
  const layer = givenInTree(given, 'config')
  const resolved = resolveConfig([...givenInTree(noFiles, 'trainPolicy'), ...layer, ...batchOf(given, prompts.length)])
  if (E.isLeft(resolved)) return resolved
  const config = resolved.right
  const more = [
    config.lora === null ? null : 'lora',
    config.dynamic_sampling.enabled ? 'dynamic_sampling.enabled' : null,
    config.soft_overlong.enabled ? 'soft_overlong.enabled' : null,
    config.beta > 0 && config.kl.placement === 'reward' ? 'kl.placement: reward' : null,
  ].find((key) => key !== null)
  return more === undefined ? resolved : E.left(badInput(`config: ${more} needs a whole run; take it out.`))
}

/** One update of one rollout batch, unless the configuration says otherwise. */
const batchOf = (
  { num_generations = 8, generation_batch_size, per_device_train_batch_size }: Partially<TrainConfig>,
  prompts: number,
) => {
  const all = generation_batch_size ?? prompts * num_generations
  return givenInTree(
    { generation_batch_size: all, per_device_train_batch_size: per_device_train_batch_size ?? all },
    'trainPolicy',
  )
}
