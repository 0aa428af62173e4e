import { type Backend, initAdamW, type Params, residentWeights } from '@durian/core'
import {
  attempt,
  generate,
  type Learner,
  loadWeights,
  readConfig,
  replaced,
  type TrainError,
  update,
  weightShapes,
} from '@durian/trainer'
import { either as E, type taskEither as TE } from 'fp-ts'
import { advantages, groups, prompts } from './batch.ts'
import type { GpuModel } from './models.ts'
import { seededWeight } from './seeded.ts'

export const learningRate = 1e-5

/** What a step says of the policy it began with: two implementations of the same policy agree in it. */
export interface StepNumbers {
  /** Mean of -ln p over the completions' tokens, nats. */
  readonly nll: number
  /** Mean entropy of the distributions they were drawn from, nats. */
  readonly entropy: number
  /** Of all gradients together, before clipping. */
  readonly gradNorm: number
}

/** A policy on a device, ready for steps and sampling. */
export interface Subject {
  /** One update as training does it: forward, backward, clipping, AdamW. */
  readonly step: () => Promise<StepNumbers>
  /** Exactly `tokens` tokens of each rollout, whatever their end; the number of all of them. */
  readonly sample: (prompts: number, tokens: number) => Promise<number>
}

/** A weight of a model: of the demo's folder, or random. */
export type WeightOf = (name: string) => Float32Array

export const weightsOf = ({ name, policy }: GpuModel, demoFolder: string): TE.TaskEither<TrainError, WeightOf> =>
  attempt(async (take) => {
    const shapes = weightShapes(policy)
    if (name !== 'demo') return (weight) => seededWeight(weight, shapes[weight]!)
    const files = await take(loadWeights(demoFolder, policy, { wanted: (weight) => weight in shapes }))
    return (weight) => Float32Array.from(files[weight]!.data)
  })

const value = async <A>(effect: TE.TaskEither<TrainError, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error('message' in result.left ? result.left.message : result.left.reason)
  return result.right
}

/** Puts the weights on the device, one after another: the host holds one copy at most. */
export const subjectOf = <T>(
  backend: Backend<T>,
  model: GpuModel,
  { weight, training }: { readonly weight: WeightOf; readonly training: boolean },
): TE.TaskEither<TrainError, Subject> =>
  attempt(async (take) => {
    const { plan, policy } = model
    const all = plan.prompts * plan.rollouts
    const config = await take(
      readConfig({
        overrides: [
          'model_name_or_path=unused',
          'dataset=unused',
          'output_dir=unused',
          'estimator=grpo',
          `num_generations=${plan.rollouts}`,
          `generation_batch_size=${all}`,
          `per_device_train_batch_size=${all}`,
          `max_completion_length=${plan.length}`,
          `learning_rate=${learningRate}`,
          `gradient_checkpointing=${plan.checkpointing}`,
        ],
      }),
    )
    const params: Params<T> = Object.fromEntries(
      Object.entries(weightShapes(policy)).map(([name, shape]) => [
        name,
        backend.ops.fromHost({ shape, data: weight(name) }),
      ]),
    )
    let learner: Learner<T> | null = training ? { params, optimizer: initAdamW(backend.ops, params) } : null
    const train = update({ backend, config, policy, reference: null, learningRate: () => learningRate })
    const batch = groups(model)
    const signs = advantages(model)
    const draw = generate(backend, policy)
    return {
      step: async () => {
        if (learner === null) throw new Error('this subject only samples')
        const next = await value(train(learner, batch, signs))
        backend.memory.free(replaced(learner, next.learner))
        learner = next.learner
        const { entropy, gradNorm, samplingDifference } = next.statistics
        return { nll: samplingDifference.mean, entropy, gradNorm }
      },
      sample: async (count, tokens) => {
        const drawn = await value(
          draw(residentWeights(learner?.params ?? params), prompts(model, count), {
            numGenerations: plan.rollouts,
            maxCompletionLength: tokens,
            temperature: 1,
            topP: 1,
            topK: 0,
            banned: [],
            endTokens: [],
            seed: 1,
            step: 0,
          }),
        )
        return drawn.flat().reduce((total, { ids }) => total + ids.length, 0)
      },
    }
  })
