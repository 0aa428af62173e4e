import {
  headEntropy,
  headScores,
  type HostTensor,
  scale,
  ShapeError,
  type TensorOps,
  type TokenScores,
  type WeightSource,
} from '@durian/core'
import type { PolicyConfig } from './config.ts'
import { headTable, streamHidden } from './decoder.ts'
import type { PassOptions } from './linear.ts'
import { wordEmbeddings } from './params.ts'
import { HIDDEN, prefill, type PromptBatch, promptBatch, ropeOptions } from './prompts.ts'
import { type RopeTables, rotary, textRope } from './rope.ts'
import type { EncodedPrompt, Positions } from './types.ts'

/** P prompts with G completions each on the host, padded on the right to Tr tokens; row = (prompt, rollout, token). */
export interface CompletionBatch {
  readonly prompts: PromptBatch
  /** G. */
  readonly rollouts: number
  /** P * G. */
  readonly rows: number
  /** Tr, the longest completion. */
  readonly length: number
  /** Input tokens, [P * G * Tr]: the prompt's last token, then the completion without its last. */
  readonly inputs: Int32Array
  /** The completion's tokens, [P * G * Tr], each predicted by the input at the same place; 0 in the padding. */
  readonly targets: Int32Array
  /** 1 for a real token, 0 for padding, [P * G * Tr]. */
  readonly mask: Float32Array
  readonly rope: RopeTables
  /** Additive attention mask, [P, Tr * group, Tp + Tr]. */
  readonly attention: HostTensor
}

/**
 * Lay prompts and completions out for the forward pass.
 *
 * @param completions - token ids, [P][G][length], G the same for all prompts; lengths may differ and may be 0
 * @throws ShapeError for ragged G or a prompt without completions
 */
export const completionBatch =
  (config: PolicyConfig) =>
  (
    prompts: ReadonlyArray<EncodedPrompt>,
    completions: ReadonlyArray<ReadonlyArray<ArrayLike<number>>>,
  ): CompletionBatch => {
    const rollouts = completions[0]?.length ?? 0
    if (
      completions.length !== prompts.length ||
      rollouts === 0 ||
      completions.some((group) => group.length !== rollouts)
    )
      throw new ShapeError(`${prompts.length} prompts need as many groups of completions, all of one size`)
    const batch = promptBatch(config)(prompts)
    const length = Math.max(1, ...completions.flat().map((completion) => completion.length))
    const inputs = new Int32Array(prompts.length * rollouts * length)
    const targets = new Int32Array(inputs.length)
    const mask = new Float32Array(inputs.length)
    completions.forEach((group, p) => {
      group.forEach((completion, g) => {
        const start = (p * rollouts + g) * length
        inputs[start] = batch.last[p]!.id
        for (let j = 0; j < completion.length; j++) {
          targets[start + j] = completion[j]!
          mask[start + j] = 1
          if (j + 1 < completion.length) inputs[start + j + 1] = completion[j]!
        }
      })
    })
    return {
      prompts: batch,
      rollouts,
      rows: prompts.length * rollouts,
      length,
      inputs,
      targets,
      mask,
      rope: textRope(ropeOptions(config), streamPositions(batch, rollouts, length)),
      attention: streamMask(batch, length, config.text.heads / config.text.kvHeads),
    }
  }

const streamPositions = ({ last }: PromptBatch, rollouts: number, length: number): Positions => {
  const axis = (index: 0 | 1 | 2): Int32Array => {
    const out = new Int32Array(last.length * rollouts * length)
    for (let row = 0; row < out.length; row++) {
      const { position, nextPosition } = last[Math.floor(row / (rollouts * length))]!
      const j = row % length
      out[row] = j === 0 ? position[index] : nextPosition + j - 1
    }
    return out
  }
  return [axis(0), axis(1), axis(2)]
}

const streamMask = (prompts: PromptBatch, length: number, group: number): HostTensor => {
  const keys = prompts.length + length
  const data = new Float32Array(prompts.count * length * group * keys)
  prompts.lengths.forEach((real, p) => {
    for (let row = 0; row < length * group; row++) {
      const start = (p * length * group + row) * keys
      data.fill(HIDDEN, start + real, start + prompts.length)
      data.fill(HIDDEN, start + prompts.length + Math.floor(row / group) + 1, start + keys)
    }
  })
  return { shape: [prompts.count, length * group, keys], data }
}

export interface ScoreOptions<T> extends PassOptions<T> {
  readonly temperature: number
  /** The entropies carry a gradient, for which all logits exist together; default not. */
  readonly entropyGradient?: boolean | undefined
}

/**
 * ln p and entropy of each completion token under log-softmax(logits / temperature), flattened [P * G * Tr]; padding holds numbers
 * without meaning: multiply by `batch.mask`. Differentiable in the weights. The prompt is computed once per group of rollouts.
 */
export const scoreCompletions =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (
    weights: WeightSource<T>,
    batch: CompletionBatch,
    { temperature, entropyGradient, ...pass }: ScoreOptions<T>,
  ): TokenScores<T> => {
    const hidden = completionHidden(ops, config)(weights, batch, pass)
    return hiddenScores(ops, config)(weights, hidden, { targets: batch.targets, temperature, entropyGradient })
  }

/**
 * Scores of the targets from last hidden states, [N, d] -> [N] each; the logits of many rows never exist together, unless the entropy needs a
 * gradient.
 */
export const hiddenScores =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (
    weights: WeightSource<T>,
    hidden: T,
    {
      targets,
      temperature,
      entropyGradient = false,
    }: Pick<ScoreOptions<T>, 'temperature' | 'entropyGradient'> & { readonly targets: Int32Array },
  ): TokenScores<T> => {
    const x = temperature === 1 ? hidden : scale(ops, hidden, 1 / temperature) // [N, d]
    const table = headTable(config, weights) // [V, d]
    const scores = headScores(ops, x, table, { ids: targets })
    return entropyGradient ? { ...scores, entropy: headEntropy(ops, x, table) } : scores
  }

/** Last hidden states of the stream, [P * G * Tr, d]: row j of a rollout predicts its token j. */
export const completionHidden =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (weights: WeightSource<T>, batch: CompletionBatch, pass: PassOptions<T> = {}): T =>
    streamHidden(ops, config)(weights, wordEmbeddings(ops, weights, batch.inputs), {
      ...pass,
      prompts: batch.prompts.count,
      rollouts: batch.rollouts,
      prefix: prefill(ops, config)(weights, batch.prompts, pass),
      mask: ops.fromHost(batch.attention),
      tables: rotary(ops, batch.rope, config.text.headDim),
    })
