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
import { headTable, streamHidden, type Unpadded } from './decoder.ts'
import type { PassOptions } from './linear.ts'
import { wordEmbeddings } from './params.ts'
import { HIDDEN, prefill, type PromptBatch, promptBatch, ropeOptions } from './prompts.ts'
import { type RopeTables, rotary, textRope } from './rope.ts'
import type { EncodedPrompt } from './types.ts'

/** P prompts with G completions each on the host, padded on the right to Tr tokens; row = (prompt, rollout, token). */
export interface CompletionBatch {
  readonly prompts: PromptBatch
  /** G. */
  readonly rollouts: number
  /** P * G. */
  readonly rows: number
  /** Tr, the longest completion. */
  readonly length: number
  /** Input tokens of the R rows that are no padding, [R]: the prompt's last token, then the completion without its last. */
  readonly inputs: Int32Array
  /** The completion's tokens, [R], each predicted by the input at the same place. */
  readonly targets: Int32Array
  /** How the R rows lie in [P * G * Tr]; undefined where they are all of them. */
  readonly unpadded: (Unpadded & { readonly rowOfToken: Int32Array }) | undefined
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
    const all = completions.flat()
    const mask = new Float32Array(all.length * length)
    all.forEach((completion, rollout) => mask.fill(1, rollout * length, rollout * length + completion.length))
    const rowsOfRollout = all.map((completion) => Math.max(1, completion.length))
    const count = rowsOfRollout.reduce((sum, rows) => sum + rows, 0)
    const [inputs, targets] = [new Int32Array(count), new Int32Array(count)]
    const positions = [0, 1, 2].map(() => new Int32Array(count)) as [Int32Array, Int32Array, Int32Array]
    let row = 0
    all.forEach((completion, rollout) => {
      const last = batch.last[Math.floor(rollout / rollouts)]!
      for (let j = 0; j < rowsOfRollout[rollout]!; j++, row++) {
        inputs[row] = j === 0 ? last.id : completion[j - 1]!
        targets[row] = completion[j] ?? 0
        positions.forEach((axis, i) => (axis[row] = j === 0 ? last.position[i]! : last.nextPosition + j - 1))
      }
    })
    return {
      prompts: batch,
      rollouts,
      rows: all.length,
      length,
      inputs,
      targets,
      mask,
      unpadded:
        count === all.length * length
          ? undefined
          : unpaddedRows(rowsOfRollout, { rollouts, length, kvHeads: config.text.kvHeads }),
      rope: textRope(ropeOptions(config), positions),
      attention: streamMask(batch, length, config.text.heads / config.text.kvHeads),
    }
  }

const unpaddedRows = (
  rowsOfRollout: ReadonlyArray<number>,
  { rollouts, length, kvHeads }: { readonly rollouts: number; readonly length: number; readonly kvHeads: number },
): NonNullable<CompletionBatch['unpadded']> => {
  const count = rowsOfRollout.reduce((sum, rows) => sum + rows, 0)
  const rowOfToken = new Int32Array(rowsOfRollout.length * length)
  const rowOfPlace = new Int32Array(rowOfToken.length * kvHeads)
  const placeOfRow = new Int32Array(count * kvHeads)
  let first = 0
  rowsOfRollout.forEach((rows, rollout) => {
    const [prompt, own] = [Math.floor(rollout / rollouts), rollout % rollouts]
    for (let j = 0; j < length; j++) {
      const row = first + Math.min(j, rows - 1)
      rowOfToken[rollout * length + j] = row
      for (let head = 0; head < kvHeads; head++) {
        const place = ((prompt * kvHeads + head) * rollouts + own) * length + j
        rowOfPlace[place] = row * kvHeads + head
        if (j < rows) placeOfRow[row * kvHeads + head] = place
      }
    }
    first += rows
  })
  return { rowOfToken, rowOfPlace, placeOfRow }
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
 * ln p and entropy of each completion token under log-softmax(logits / temperature), flattened [P * G * Tr]; padding repeats its
 * rollout's last: multiply by `batch.mask`. Differentiable in the weights. The prompt is computed once per group of rollouts.
 */
export const scoreCompletions =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (
    weights: WeightSource<T>,
    batch: CompletionBatch,
    { temperature, entropyGradient, ...pass }: ScoreOptions<T>,
  ): TokenScores<T> => {
    const hidden = completionHidden(ops, config)(weights, batch, pass)
    return hiddenScores(ops, config)(weights, hidden, { batch, temperature, entropyGradient })
  }

/**
 * Scores of the targets from last hidden states, [R, d] -> [P * G * Tr] each; the logits of many rows never exist together, unless the
 * entropy needs a gradient.
 */
export const hiddenScores =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (
    weights: WeightSource<T>,
    hidden: T,
    {
      batch: { targets, unpadded },
      temperature,
      entropyGradient = false,
    }: Pick<ScoreOptions<T>, 'temperature' | 'entropyGradient'> & { readonly batch: CompletionBatch },
  ): TokenScores<T> => {
    const x = temperature === 1 ? hidden : scale(ops, hidden, 1 / temperature) // [R, d]
    const table = headTable(config, weights) // [V, d]
    const { logprob, entropy } = headScores(ops, x, table, { ids: targets })
    const padded = (scores: T): T =>
      unpadded === undefined
        ? scores
        : ops.reshape(ops.embedding(ops.reshape(scores, [targets.length, 1]), unpadded.rowOfToken), [
            unpadded.rowOfToken.length,
          ])
    return { logprob: padded(logprob), entropy: padded(entropyGradient ? headEntropy(ops, x, table) : entropy) }
  }

/** Last hidden states of the stream, [R, d]: row j of a rollout predicts its token j. */
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
      unpadded: batch.unpadded,
    })
