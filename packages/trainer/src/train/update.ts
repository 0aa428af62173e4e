import {
  type Backend,
  entropyThreshold,
  type Params,
  policyLoss,
  type PolicyLossStatistics,
  type TensorOps,
  type WeightSource,
} from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { lossOptions } from '../config/lossSpec.ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { batchArithmetic } from '../config/trainConfig.ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import { type CompletionBatch, scoreCompletions } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { policyWeights } from '../policy/params.ts'
import type { Rolled } from './groups.ts'
import { chunks, type MicroBatch, microBatch, rowsOf, samplingDifference, type Scored, totalsOf } from './microBatch.ts'
import { lossGradient, type MicroGradient } from './lossGradient.ts'
import { hostDropout } from './dropout.ts'
import { frozenIn, type Learner, optimiserStep, replaced } from './optimise.ts'

/** Where a step happens: device, configuration, architecture, and the frozen policy of the KL penalty (null with beta = 0). */
export interface UpdateContext<T> {
  readonly backend: Backend<T>
  readonly config: TrainConfig
  readonly policy: PolicyConfig
  readonly reference: Params<T> | null
  /** Weights beneath the parameters that do not move; left out where the parameters are all there is. */
  readonly base?: WeightSource<T> | undefined
  /** Learning rate of each optimiser step, counted from 0. */
  readonly learningRate: (optimiserStep: number) => number
}

/** Host numbers of all updates of one step; means over the updates. */
export interface UpdateStatistics {
  readonly loss: number
  readonly gradNorm: number
  readonly learningRate: number
  readonly entropy: number
  /** null where the loss holds no penalty. */
  readonly kl: number | null
  readonly ratio: number
  readonly clipLow: number
  readonly clipHigh: number
  /** Mean over tokens of what masks left of the policy gradient; null where the configuration has none. */
  readonly weight: number | null
  /** |ln pi of the training forward - ln pi recorded while sampling|, before the first update, nats. */
  readonly samplingDifference: { readonly mean: number; readonly max: number }
}

type Aux<T> = PolicyLossStatistics<T> & { readonly logprob: T }

const statisticNames = ['ratio', 'clipLow', 'clipHigh', 'entropy', 'kl', 'weight'] as const

/**
 * The optimiser steps of one rollout batch: `num_iterations` passes, each split into update batches and micro-batches.
 *
 * Old log-probs are those of the parameters before the first update. With one update per step they equal the new ones, so they are taken
 * from the same forward pass (ratio exactly 1); otherwise a forward pass without gradient records them first.
 *
 * Consumes nothing: on success the new learner is the caller's and so is the old one; on failure everything made here is freed.
 */
export const update =
  <T>({ backend, config, policy, reference, base, learningRate }: UpdateContext<T>) =>
  (
    learner: Learner<T>,
    groups: ReadonlyArray<Rolled>,
    advantages: ReadonlyArray<ReadonlyArray<number | null>>,
    /** Of the KL penalty in the loss, where an adaptive controller has moved it away from `beta`. */
    klCoefficient = config.beta,
  ): TE.TaskEither<TrainError, { readonly learner: Learner<T>; readonly statistics: UpdateStatistics }> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const { ops, memory, transfer } = backend
        const { updateBatch } = batchArithmetic(config)
        const items = groups.map((group, s): Scored => [group, advantages[s]!])
        const updates = chunks(items, updateBatch / config.num_generations).map((batch) => ({
          totals: totalsOf(config, batch),
          micro: chunks(batch, config.per_device_train_batch_size / config.num_generations).map((part) =>
            microBatch(config, policy, part),
          ),
        }))
        const several = updates.length * config.num_iterations > 1
        const score = (params: Params<T>, batch: CompletionBatch) =>
          scoreCompletions(ops, policy)(policyWeights(params, base), batch, {
            temperature: config.temperature,
            scope: memory.scope,
          })
        const gradientOf = lossGradient(backend, policy, {
          temperature: config.temperature,
          entropyGradient: config.entropy_coef !== 0,
          checkpointing: config.gradient_checkpointing,
          base,
        })
        const recorded = (params: Params<T>) =>
          updates.map(({ micro }) =>
            micro.map(({ batch }) =>
              held.keep(memory.scope(() => ops.reshape(score(params, batch).logprob, [rowsOf(batch), batch.length]))),
            ),
          )
        const old = several ? recorded(learner.params) : null
        const referenceLogprobs = reference === null || config.kl.placement === 'reward' ? null : recorded(reference)
        /** Entropy of the most undecided tokens of an update batch, under the parameters it starts from. */
        const thresholdOf = async (params: Params<T>, micro: ReadonlyArray<MicroBatch>): Promise<number | null> => {
          if (config.top_entropy_quantile === 1) return null
          const entropies: Array<number> = []
          for (const { batch, mask } of micro) {
            const scores = held.keep(memory.scope(() => ({ ...score(params, batch) })))
            const values = await take(transfer.read(scores.entropy))
            held.free(scores)
            values.forEach((entropy, i) => {
              if (mask[i] !== 0) entropies.push(entropy)
            })
          }
          return entropyThreshold(entropies, config.top_entropy_quantile)
        }

        const microLoss = (
          loss: ReturnType<typeof policyLoss>,
          {
            u,
            m,
            optimiserStepNumber,
          }: { readonly u: number; readonly m: number; readonly optimiserStepNumber: number },
        ): MicroGradient<T, Aux<T>> => {
          const { totals, micro } = updates[u]!
          const { batch, mask, advantages } = micro[m]!
          const shape = [rowsOf(batch), batch.length]
          const dropout = hostDropout(backend, config.lora?.lora_dropout ?? 0, {
            seed: config.seed,
            step: optimiserStepNumber,
            microBatch: m,
          })
          return gradientOf(
            batch,
            (scores) => {
              const logprob = ops.reshape(scores.logprob, shape) // [R, T]
              const { value, aux } = loss(
                ops,
                totals,
              )({
                logprob,
                oldLogprob: old === null ? ops.stopGradient(logprob) : old[u]![m]!,
                advantage: ops.fromHost({ shape: [rowsOf(batch), 1], data: advantages }),
                mask: ops.fromHost({ shape, data: mask }),
                entropy: ops.reshape(scores.entropy, shape),
                ...(referenceLogprobs === null ? {} : { refLogprob: referenceLogprobs[u]![m]! }),
              })
              return { value, aux: { ...aux, logprob: ops.stopGradient(logprob) } }
            },
            dropout,
          )
        }

        let current = learner
        let gap = { mean: 0, max: 0 }
        const log: Array<ReadonlyMap<string, number>> = []
        for (let pass = 0; pass < config.num_iterations; pass++) {
          for (const [u, { micro, totals }] of updates.entries()) {
            if (totals.tokens === 0) continue
            const optimiserStepNumber = current.optimizer.step
            const loss = policyLoss(
              lossOptions(config, {
                beta: klCoefficient,
                entropyThreshold: await thresholdOf(current.params, micro),
              }),
            )
            const step = optimiserStep(backend, {
              adamw: {
                learningRate: learningRate(optimiserStepNumber),
                betas: [config.adam_beta1, config.adam_beta2],
                epsilon: config.adam_epsilon,
                weightDecay: config.weight_decay,
              },
              maxGradNorm: config.max_grad_norm,
              frozen: frozenIn(config),
            })
            const result = held.keep(
              step(
                current,
                micro.map((_, m) => microLoss(loss, { u, m, optimiserStepNumber })),
              ),
            )
            const numbers = await take(readStatistics(result, backend))
            if (![...numbers.values()].every(Number.isFinite)) await take(stopAt(optimiserStepNumber, numbers))
            log.push(numbers.set('learningRate', learningRate(optimiserStepNumber)))
            if (pass === 0 && u === 0) {
              const logprobs: Array<Float32Array> = []
              for (const { logprob } of result.aux) logprobs.push(await take(transfer.read(logprob)))
              gap = samplingDifference(micro, logprobs)
            }
            if (current !== learner) held.free(replaced(current, result.learner))
            held.free([result.gradNorm, result.loss, result.aux])
            current = result.learner
          }
        }
        const average = (name: string): number =>
          log.length === 0 ? 0 : log.reduce((total, numbers) => total + (numbers.get(name) ?? 0), 0) / log.length
        return {
          learner: held.release(current),
          statistics: {
            loss: average('loss'),
            gradNorm: average('gradNorm'),
            learningRate: average('learningRate'),
            entropy: average('entropy'),
            kl: referenceLogprobs === null ? null : average('kl'),
            ratio: log.length === 0 ? 1 : average('ratio'),
            clipLow: average('clipLow'),
            clipHigh: average('clipHigh'),
            weight: log.some((numbers) => numbers.has('weight')) ? average('weight') : null,
            samplingDifference: gap,
          },
        }
      }),
    )

/** All numbers of one optimiser step in one transfer; the micro-batches' statistics add up. */
const readStatistics = <T>(
  { aux, loss, gradNorm }: { readonly aux: ReadonlyArray<Aux<T>>; readonly loss: T; readonly gradNorm: T },
  { ops, memory, transfer }: Backend<T>,
): TE.TaskEither<TrainError, Map<string, number>> =>
  attempt(async (take) => {
    const names = statisticNames.filter((name) => aux[0]?.[name] !== undefined)
    const packed = memory.scope(() => {
      const summed = names.map((name) =>
        sumOf(
          ops,
          aux.map((part) => part[name] as T),
        ),
      )
      return ops.concat(
        [...summed, loss, gradNorm].map((x) => ops.reshape(x, [1])),
        0,
      )
    })
    try {
      const values = await take(transfer.read(packed))
      return new Map([...names, 'loss', 'gradNorm'].map((name, i) => [name, values[i]!]))
    } finally {
      memory.free(packed)
    }
  })

const sumOf = <T>(ops: TensorOps<T>, xs: ReadonlyArray<T>): T =>
  xs.slice(1).reduce<T>((total, x) => ops.add(total, x), xs[0]!)

const stopAt =
  (step: number, numbers: ReadonlyMap<string, number>): TE.TaskEither<TrainError, never> =>
  async () => {
    const bad = [...numbers].find(([, value]) => !Number.isFinite(value))!
    return {
      _tag: 'Left',
      left: runFailed(
        `Optimiser step ${step + 1} gave ${bad[0]} = ${bad[1]}; the last good state is kept. Try a lower learning_rate.`,
      ),
    }
  }
