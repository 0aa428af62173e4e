import { createInterface } from 'node:readline'
import { openNodeBackend } from '@durian/backend-node'
import { type Backend, initAdamW, residentWeights } from '@durian/core'
import { generate, sentence, supervisedStep, toDevice, type Learner } from '@durian/trainer'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { BackendName } from '../options.ts'
import {
  learningRate,
  models,
  policyConfig,
  promptOf,
  textWeights,
  type TextModel,
  tokensOf,
} from './besideTorchModels.ts'

/** `node besideTorchWorker.js BACKEND`: the messages of `peers/torch_model.py`, answered by Durian on one backend. */
const value = async <L, A>(effect: TE.TaskEither<L, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

const timed = async (work: () => Promise<number>): Promise<object> => {
  const [wall, cpu] = [performance.now(), process.cpuUsage()]
  const result = await work()
  const used = process.cpuUsage(cpu)
  return { ms: performance.now() - wall, cpu: (used.user + used.system) / 1000, value: result }
}

const subject = <T>(backend: Backend<T>, model: TextModel) => {
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

const serve = async <T>(backend: Backend<T>): Promise<void> => {
  say({ description: backend.info.description })
  let loaded: ReturnType<typeof subject<T>> | undefined
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line) as {
      readonly do: 'load' | 'train' | 'sample'
      readonly model: number
      readonly sequences: number
      readonly tokens: number
    }
    if (ask.do === 'load') {
      loaded?.close()
      loaded = subject(backend, models[ask.model]!)
      say({})
    } else if (ask.do === 'train') say(await timed(() => loaded!.train()))
    else say(await timed(() => loaded!.sample(ask.sequences, ask.tokens)))
  }
}

const opened = await openNodeBackend({ prefer: process.argv[2] as BackendName, threads: 1 })()
if (E.isLeft(opened)) say({ reason: sentence(opened.left) })
else await serve(opened.right.backend)
