import { type Backend, confidence, type Params, type WeightSource } from '@durian/core'
import { either, type taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { generate } from '../policy/generate.ts'
import { policyWeights } from '../policy/params.ts'
import type { EncodedPrompt, SamplingOptions } from '../policy/types.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import type { Rewarder } from '../reward/index.ts'
import type { Group } from './groups.ts'
import { frozenIn } from './optimise.ts'
import { type FeatureCache, visionIsFrozen, withFeatures } from './pictureFeatures.ts'
import type { Stopwatch } from './stopwatch.ts'
import { visualEntropies } from './visualEntropies.ts'

/** What rollouts are made with. */
export interface RolloutContext<T> {
  readonly backend: Backend<T>
  readonly config: TrainConfig
  readonly policy: PolicyConfig
  /** Weights beneath the parameters; left out where the parameters are all there is. */
  readonly base?: WeightSource<T> | undefined
  readonly processor: Processor
  readonly rewarder: Rewarder
  /** Keeps what a frozen vision encoder says of each picture; left out, it looks again every time. */
  readonly pictureFeatures?: FeatureCache | undefined
}

/** A row whose prompt is tokenised and whose pictures are decoded: once, for rollout and update alike. */
export interface Task {
  readonly row: Row
  readonly prompt: EncodedPrompt
}

/** Every row as a task, or why it cannot be one. */
export const encodedTasks = (
  processor: Processor,
  rows: ReadonlyArray<Row>,
): TE.TaskEither<TrainError, ReadonlyArray<either.Either<TrainError, Task>>> =>
  attempt(async (take) => {
    const prompts: Array<either.Either<TrainError, EncodedPrompt>> = []
    if (processor.workers !== undefined) prompts.push(...(await take(processor.workers.encode(rows))))
    else for (const row of rows) prompts.push(await encodePrompt(processor)(row)())
    return rows.map((row, i) => either.map((prompt: EncodedPrompt): Task => ({ row, prompt }))(prompts[i]!))
  })

/** Every row as a task. Left: the first that cannot be one. */
export const encodeRows = (
  processor: Processor,
  rows: ReadonlyArray<Row>,
): TE.TaskEither<TrainError, ReadonlyArray<Task>> =>
  attempt(async (take) => {
    const tasks: Array<Task> = []
    for (const task of await take(encodedTasks(processor, rows))) tasks.push(await take(task))
    return tasks
  })

/** The draws of training: temperature and truncation of the configuration, vision tokens banned. */
export const samplingOptions = (config: TrainConfig, processor: Processor, step: number): SamplingOptions => ({
  numGenerations: config.num_generations,
  maxCompletionLength: config.max_completion_length,
  temperature: config.temperature,
  topP: config.top_p,
  topK: config.top_k,
  banned: processor.tokens.vision,
  endTokens: processor.tokens.end,
  seed: config.seed,
  step,
})

/** With an encoder that stays as it is, tasks whose pictures bring their features; else the tasks as they are. */
const lookedAt =
  <T>({ backend, config, policy, base, pictureFeatures: cache }: RolloutContext<T>) =>
  (params: Params<T>, tasks: ReadonlyArray<Task>): TE.TaskEither<TrainError, ReadonlyArray<Task>> =>
    attempt(async (take) => {
      if (cache === undefined || !visionIsFrozen(params, frozenIn(config))) return tasks
      const prompts = await take(
        withFeatures({ backend, policy, cache })(
          policyWeights(params, base),
          tasks.map(({ prompt }) => prompt),
        ),
      )
      return tasks.map(({ row }, i) => ({ row, prompt: prompts[i]! }))
    })

/** Roll out every task G times under `params`, score the completions and measure both difficulties. */
export const rollOut =
  <T>(context: RolloutContext<T>, watch: Stopwatch) =>
  (
    params: Params<T>,
    drawnTasks: ReadonlyArray<Task>,
    place: { readonly step: number; readonly firstPrompt: number },
  ): TE.TaskEither<TrainError, ReadonlyArray<Group>> =>
    attempt(async (take) => {
      const { backend, config, policy, processor, rewarder } = context
      const tasks = await watch.time('entropy', () => take(lookedAt(context)(params, drawnTasks)))
      const prompts = tasks.map((task) => task.prompt)
      const drawn = await watch.time('gen', () =>
        take(
          generate(backend, policy)(policyWeights(params, context.base), prompts, {
            ...samplingOptions(config, processor, place.step),
            promptIndices: tasks.map((_, i) => place.firstPrompt + i),
          }),
        ),
      )
      const texts = drawn.map((completions) =>
        completions.map((completion) => processor.tokenizer.decode(completion.ids, { skipSpecial: true })),
      )
      const scored = tasks.flatMap(({ row }, s) =>
        drawn[s]!.map((completion, i) => ({ row, response: texts[s]![i]!, length: completion.ids.length })),
      )
      const rewards = await watch.time('reward', () => take(rewarder(scored)))
      let first = 0
      const scores = drawn.map(({ length }) => rewards.slice(first, (first += length)))
      const entropies = await watch.time('entropy', () => take(visualEntropies(context)(params, prompts)))
      return tasks.map(({ row, prompt }, s): Group => ({
        row,
        prompt,
        completions: drawn[s]!,
        texts: texts[s]!,
        rewards: scores[s]!.map((score) => score.total),
        parts: scores[s]!.map((score) => score.parts),
        visualEntropy: entropies[s]!,
        confidence: confidence(
          drawn[s]!.map((completion) => completion.logprobs),
          config.durian.confidence,
        ),
      }))
    })
