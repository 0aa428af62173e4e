import { initAdamW, type Params, type Schedule, streams, uniform } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { Dataset } from '../data/dataset.ts'
import { rowOrder } from '../data/order.ts'
import type { Row } from '../data/types.ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import type { Evaluation } from '../run/records.ts'
import { evaluate, type EvaluationContext } from './evaluate.ts'
import { type Learner, trainable } from './optimise.ts'
import { encodeRows } from './rollout.ts'
import { type Example, supervisedStep } from './supervised.ts'

type SftConfig = NonNullable<TrainConfig['sft']>

export interface ColdStartContext<T> extends EvaluationContext<T> {
  readonly config: TrainConfig
  readonly sft: SftConfig
  /** Rows with solutions; its last `check_samples` rows are kept for the measurements. */
  readonly dataset: Dataset
  /** Untouched rows for the reference line of the thinking-only policy; null = none. */
  readonly test: Dataset | null
  /** True once the user wants to stop. */
  readonly interrupted: () => boolean
  readonly onStep: (line: ColdStartLine) => void
}

/** One line of `cold-start/metrics.jsonl`. */
export interface ColdStartLine {
  readonly stage: 'thinking' | 'habit'
  readonly step: number
  readonly loss: number
  readonly learning_rate: number
  /** Accuracy of one sample at temperature 1 for each held-out row, in the steps that measure it. */
  readonly sampled_accuracy?: number
}

export interface ColdStart<T> {
  readonly params: Params<T>
  /** Steps of the first stage and sampled accuracy at its end. */
  readonly thinkingSteps: number
  readonly sampledAccuracy: number
  /** Greedy accuracy on the test rows before the habit of short answers was taught: the honest reference of what follows. */
  readonly thinkingOnly: Evaluation | null
}

/**
 * A supervised cold start that stops on measured accuracy: learning has a phase transition (little for 300 steps, then much within 100),
 * so a fixed number of steps lands on either side of it.
 *
 *   1 thinking: whole solutions, until `target_accuracy` of sampled answers is right; then the rate falls to 5 % over `decay_steps`
 *   2 habit: a share of the rows is answered directly, which installs the short answers that reinforcement learning then unlearns
 *
 * Owns `params`: they are freed as training goes on.
 */
export const coldStart =
  <T>(context: ColdStartContext<T>) =>
  (params: Params<T>): TE.TaskEither<TrainError, ColdStart<T>> =>
    attempt(async (take) => {
      const { backend, sft, config, test } = context
      const rows = context.dataset.rows
      const trained = rows.slice(0, rows.length - sft.check_samples)
      if (trained.length < sft.batch_size)
        await take(
          E.left(
            badInput(
              `sft.dataset has ${rows.length} rows, too few for sft.check_samples ${sft.check_samples} and sft.batch_size ${sft.batch_size}.`,
            ),
          ),
        )
      const held: Dataset = { ...context.dataset, rows: rows.slice(rows.length - sft.check_samples) }
      const order = rowOrder({ seed: config.seed, rows: trained.length })
      const examplesAt = (cursor: number, directShare: number) =>
        examplesOf(
          context.processor,
          order.take(cursor, sft.batch_size).map((row) => trained[row]!),
          (i) => uniform({ seed: config.seed, stream: streams.data }, [cursor, i, 0, 0]) < directShare,
        )
      const stepAt = (learner: Learner<T>, rate: number, examples: ReadonlyArray<Example>) =>
        supervisedStep(backend, context.policy, {
          adamw: { learningRate: rate, betas: [sft.adam_beta1, sft.adam_beta2], weightDecay: sft.weight_decay },
          maxGradNorm: config.max_grad_norm,
          frozen: () => false,
          checkpointing: config.gradient_checkpointing,
        })(learner, examples)
      const fresh = (weights: Params<T>): Learner<T> => ({
        params: weights,
        optimizer: backend.memory.scope(() =>
          initAdamW(
            backend.ops,
            trainable(weights, () => false),
          ),
        ),
      })
      const stopIfAsked = async () => {
        if (context.interrupted())
          await take(
            E.left<TrainError>({
              _tag: 'Interrupted',
              message: 'Interrupted during the cold start; run again to make it from its beginning.',
            }),
          )
      }

      let learner = fresh(params)
      let accuracy = 0
      let decayFrom: number | null = null
      let step = 0
      for (; step < sft.max_steps && (decayFrom === null || step < decayFrom + sft.decay_steps); step++) {
        await stopIfAsked()
        const rate =
          sft.learning_rate *
          warmup(step, sft.warmup_steps) *
          (decayFrom === null ? 1 : decay(step - decayFrom, sft.decay_steps))
        const examples = await take(examplesAt(step * sft.batch_size, 0))
        const done = await take(stepAt(learner, rate, examples))
        learner = done.learner
        const measured = decayFrom === null && step + 1 >= sft.check_from && (step + 1) % sft.check_every === 0
        if (measured) {
          const sampled = await take(
            evaluate(context)(learner.params, held, {
              step: step + 1,
              split: 'held-out',
              maxCompletionLength: config.max_completion_length,
              seed: config.seed,
              samples: null,
              temperature: 1,
            }),
          )
          accuracy = sampled.accuracy
          if (accuracy >= sft.target_accuracy) decayFrom = step + 1
        }
        context.onStep({
          stage: 'thinking',
          step: step + 1,
          loss: done.loss,
          learning_rate: rate,
          ...(measured ? { sampled_accuracy: accuracy } : {}),
        })
      }
      const thinkingOnly =
        test === null
          ? null
          : await take(
              evaluate(context)(learner.params, test, {
                step: 0,
                split: 'test',
                maxCompletionLength: config.max_completion_length,
                seed: config.seed,
                samples: null,
              }),
            )

      const habit = habitRate(sft)
      backend.memory.free([learner.optimizer.first, learner.optimizer.second])
      learner = fresh(learner.params)
      for (let i = 0; i < sft.habit_steps; i++) {
        await stopIfAsked()
        const examples = await take(examplesAt((step + i) * sft.batch_size, sft.habit_direct_share))
        const done = await take(stepAt(learner, habit(i), examples))
        learner = done.learner
        context.onStep({ stage: 'habit', step: step + i + 1, loss: done.loss, learning_rate: habit(i) })
      }
      backend.memory.free([learner.optimizer.first, learner.optimizer.second])
      return { params: learner.params, thinkingSteps: step, sampledAccuracy: accuracy, thinkingOnly }
    })

/** From 1/n in the first step to 1. */
const warmup = (step: number, steps: number): number => (steps === 0 ? 1 : Math.min(1, (step + 1) / steps))
/** From 1 to 0.05 on a line. */
const decay = (step: number, steps: number): number => 1 - 0.95 * Math.min(1, (step + 1) / Math.max(1, steps))
/** Constant, and over the last 40 % of the steps on a line down to a tenth. */
const habitRate =
  (sft: SftConfig): Schedule =>
  (step) => {
    const from = Math.floor(sft.habit_steps * 0.6)
    const progress = step < from ? 0 : (step - from + 1) / Math.max(1, sft.habit_steps - from)
    return sft.habit_learning_rate * (1 - 0.9 * progress)
  }

const directSolution = (row: Row): string => `<think></think>\\boxed{${row.answer}}`

const examplesOf = (
  processor: Processor,
  rows: ReadonlyArray<Row>,
  isDirect: (i: number) => boolean,
): TE.TaskEither<TrainError, ReadonlyArray<Example>> =>
  attempt(async (take) => {
    const tasks = await take(encodeRows(processor, rows))
    const examples: Array<Example> = []
    for (const [i, { row, prompt }] of tasks.entries()) {
      if (row.solution === undefined)
        await take(
          E.left(
            badInput(
              `Row ${row.id} has no solution; the cold start needs a solution column (durian data make writes one).`,
            ),
          ),
        )
      const text = isDirect(i) ? directSolution(row) : row.solution!
      examples.push({ prompt, response: [...processor.tokenizer.encode(text), processor.tokens.endOfTurn] })
    }
    return examples
  })
