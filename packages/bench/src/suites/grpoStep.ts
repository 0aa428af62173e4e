import { type Backend, initAdamW } from '@durian/core'
import {
  attempt,
  initialWeights,
  loadPolicyConfig,
  loadProcessor,
  type StepContext,
  toDevice,
  type TrainError,
  trainStep,
  type TrainState,
} from '@durian/trainer'
import { taskEither as TE } from 'fp-ts'
import { demoConfig, demoFolder, demoRows, type PolicySizes, seed, value } from './policy.ts'

export interface GrpoStepSizes extends PolicySizes {
  /** Side of the pictures as the policy sees them; the demo's are 56 and made larger. */
  readonly pixels: number
}

/** Of one step: each prompt counted once, vision tokens among its own; every completion. */
export interface StepTokens {
  readonly prompt: number
  readonly tokens: number
}

/**
 * A whole step of training as `durian train` does it, under the estimator of GRPO, to be run again and again: pictures and prompts read,
 * completions drawn, rewards, difficulties, advantages, one update. Gives the tokens of the prompts and of the completions.
 *
 * Weights are random from a fixed seed. Every completion has `length` tokens, since none ends one, and rewards are 0 and 1 in turns, so that
 * each step is the same work.
 */
export const grpoStep = <T>(
  backend: Backend<T>,
  { pixels, ...sizes }: GrpoStepSizes,
): TE.TaskEither<TrainError, () => Promise<StepTokens>> =>
  attempt(async (take) => {
    const area = pixels ** 2
    const config = await take(demoConfig(sizes, ['estimator=grpo', `min_pixels=${area}`, `max_pixels=${area}`]))
    const policy = await take(loadPolicyConfig(demoFolder))
    const processor = await take(loadProcessor(demoFolder, config))
    const params = toDevice(backend)(initialWeights(policy, seed))
    const context: StepContext<T> = {
      backend,
      config,
      policy,
      processor: { ...processor, tokens: { ...processor.tokens, end: [] } },
      rewarder: (scored) =>
        TE.right(scored.map((_, i) => ({ total: i % 2, parts: { [config.reward_funcs[0]!]: i % 2 } }))),
      reference: null,
      learningRate: () => config.learning_rate,
      dataset: await take(demoRows(sizes.prompts)),
      clock: () => performance.now(),
    }
    const step = trainStep(context)
    let state: TrainState<T> = {
      step: 0,
      cursor: 0,
      tokens: 0,
      learner: { params, optimizer: initAdamW(backend.ops, params) },
    }
    return async () => {
      const next = await value(step(state))
      state = next.state
      const { groups } = next.report
      return {
        prompt: sum(groups.map(({ prompt }) => prompt.ids.length)),
        tokens: sum(groups.flatMap(({ completions }) => completions.map(({ ids }) => ids.length))),
      }
    }
  })

const sum = (counts: ReadonlyArray<number>): number => counts.reduce((total, count) => total + count, 0)
