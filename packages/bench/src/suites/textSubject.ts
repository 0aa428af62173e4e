import { type Backend, initAdamW, residentWeights } from '@durian/core'
import { generate, type Learner, supervisedStep, toDevice } from '@durian/trainer'
import { either as E, type taskEither as TE } from 'fp-ts'
import { learningRate, policyConfig, promptOf, type TextModel, textWeights, tokensOf } from './besideTorchModels.ts'

const value = async <L, A>(effect: TE.TaskEither<L, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}

/** A text model on a backend, with what is timed of it: a training step (its loss) and sampling (tokens drawn). */
export const textSubject = <T>(backend: Backend<T>, model: TextModel) => {
  const config = policyConfig(model)
  const tokens = tokensOf(model)
  const params = toDevice(backend)(textWeights(model))
  let learner: Learner<T> = { params, optimizer: initAdamW(backend.ops, params) }
  const examples = Array.from({ length: model.sequences }, (_, row) => {
    const start = row * (model.length + 2) + 2
    return { prompt: promptOf(model, tokens, row), response: tokens.slice(start, start + model.length) }
  })
  const step = supervisedStep(backend, config, {
    adamw: { learningRate, weightDecay: 0.01 },
    maxGradNorm: 1,
    frozen: () => false,
  })
  return {
    train: async () => {
      const done = await value(step(learner, examples))
      learner = done.learner
      return done.loss
    },
    /** Groups of 8 that share a prompt, as in training. */
    sample: async (sequences: number, count: number) => {
      const prompts = Array.from({ length: sequences / 8 }, (_, row) => promptOf(model, tokens, row))
      const drawn = await value(
        generate(backend, config)(residentWeights(learner.params), prompts, {
          numGenerations: 8,
          maxCompletionLength: count,
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
    close: () => backend.memory.free([learner.params, learner.optimizer.first, learner.optimizer.second]),
  }
}
