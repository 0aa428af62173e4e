import { batchTotals, supervisedLoss } from '@durian/core'
import type { Backend } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import { completionBatch } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { lossGradient } from './lossGradient.ts'
import { type Learner, optimiserStep, type OptimiserOptions, replaced } from './optimise.ts'

/** A prompt and the response it should get, end token included. */
export interface Example {
  readonly prompt: EncodedPrompt
  readonly response: ArrayLike<number>
}

export interface SupervisedOptions extends OptimiserOptions {
  /** Less memory, more time; default false. */
  readonly checkpointing?: boolean
}

/**
 * One supervised step: cross-entropy of the responses, mean over tokens. Consumes the learner on success; on failure it is still whole.
 */
export const supervisedStep =
  <T>(backend: Backend<T>, policy: PolicyConfig, options: SupervisedOptions) =>
  (
    learner: Learner<T>,
    examples: ReadonlyArray<Example>,
  ): TE.TaskEither<TrainError, { readonly learner: Learner<T>; readonly loss: number }> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const { ops, memory, transfer } = backend
        const { checkpointing = false } = options
        const batch = completionBatch(policy)(
          examples.map((example) => example.prompt),
          examples.map((example) => [example.response]),
        )
        const totals = batchTotals(examples.map((example) => example.response.length))
        const shape = [examples.length, batch.length]
        const result = held.keep(
          optimiserStep(backend, options)(learner, [
            lossGradient(backend, policy, { temperature: 1, checkpointing })(batch, ({ logprob }) => {
              const tokens = { logprob: ops.reshape(logprob, shape), mask: ops.fromHost({ shape, data: batch.mask }) } // [B, T]
              return { value: supervisedLoss(ops, totals)(tokens), aux: null }
            }),
          ]),
        )
        const loss = (await take(transfer.read(result.loss)))[0]!
        if (!Number.isFinite(loss))
          await take(
            E.left(
              runFailed(
                `Supervised step ${learner.optimizer.step + 1} gave loss = ${loss}; try a lower sft.learning_rate.`,
              ),
            ),
          )
        memory.free(replaced(learner, result.learner))
        return { learner: held.release(result.learner), loss }
      }),
    )
