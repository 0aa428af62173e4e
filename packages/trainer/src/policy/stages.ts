import type { TensorOps, TokenScores, WeightSource } from '@durian/core'
import { type CompletionBatch, hiddenScores, type ScoreOptions } from './completions.ts'
import type { PolicyConfig } from './config.ts'
import { finalNorm, promptLayer, streamLayer } from './decoder.ts'
import type { Dropout } from './linear.ts'
import { wordEmbeddings } from './params.ts'
import type { PictureBatch } from './pictures.ts'
import { embeddedPrompts, promptConstants } from './prompts.ts'
import { rotary } from './rope.ts'
import { embeddedPatches, visionBlock } from './vision.ts'

/** A piece of the forward pass that needs nothing but weights and what the piece before it made. */
export interface Stage<T> {
  /** Whether it reads this weight. */
  readonly reads: (name: string) => boolean
  /** `x` is undefined for the first. */
  readonly run: (weights: WeightSource<T>, x: T | undefined) => T
}

export interface StagedScores<T> {
  readonly stages: ReadonlyArray<Stage<T>>
  /** From the last stage's result to the scores. */
  readonly head: {
    readonly reads: (name: string) => boolean
    readonly scores: (weights: WeightSource<T>, x: T) => TokenScores<T>
  }
}

/**
 * `scoreCompletions` cut at its layers: run one after the other, the stages give the same scores.
 * Between two decoder layers there is one tensor, the prompts' rows and below them the rollouts' rows, [P * Tp + R, d].
 *
 * Makes the constants that all stages share (masks, rotary tables): call it inside a memory scope.
 */
export const stagedScores =
  <T>(ops: TensorOps<T>, config: PolicyConfig) =>
  (
    batch: CompletionBatch,
    { temperature, entropyGradient, dropout }: Omit<ScoreOptions<T>, 'scope'>,
  ): StagedScores<T> => {
    const { prompts } = batch
    const { text } = config
    const promptRows = prompts.count * prompts.length
    const rows = batch.inputs.length
    const constants = promptConstants(ops, config, prompts)
    const mask = ops.fromHost(batch.attention)
    const tables = rotary(ops, batch.rope, text.headDim)
    const part = (x: T, start: number, count: number): T => ops.slice(x, [start, 0], [count, text.hiddenSize])

    const decoder = Array.from({ length: text.layers }, (_, index): Stage<T> => ({
      reads: (name) => name.startsWith(`model.layers.${index}.`),
      run: (weights, x) => {
        const prompt = promptLayer(ops, text)(weights, part(x!, 0, promptRows), {
          index,
          prompts: prompts.count,
          dropout,
          ...constants,
        })
        const stream = streamLayer(ops, text)(weights, part(x!, promptRows, rows), {
          index,
          prompts: prompts.count,
          rollouts: batch.rollouts,
          prompt: prompt.keysValues,
          mask,
          tables,
          unpadded: batch.unpadded,
          dropout,
        })
        return prompt.x === undefined ? stream : ops.concat([prompt.x, stream], 0)
      },
    }))

    const embedded: Stage<T> = {
      reads: (name) => name === 'model.embed_tokens.weight' || name.startsWith('visual.merger.'),
      run: (weights, patches) => {
        return ops.concat(
          [
            embeddedPrompts(ops, config)(weights, prompts, patches, dropout),
            wordEmbeddings(ops, weights, batch.inputs),
          ],
          0,
        )
      },
    }

    return {
      stages: [...visionStages(ops, config, { pictures: prompts.pictures, dropout }), embedded, ...decoder],
      head: {
        reads: (name) =>
          name === 'model.norm.weight' || name === (text.tied ? 'model.embed_tokens.weight' : 'lm_head.weight'),
        scores: (weights, x) =>
          hiddenScores(ops, config)(weights, finalNorm(ops, text)(weights, x), {
            batch,
            temperature,
            entropyGradient,
          }),
      },
    }
  }

const visionStages = <T>(
  ops: TensorOps<T>,
  { vision }: PolicyConfig,
  { pictures, dropout }: { readonly pictures: PictureBatch | undefined; readonly dropout: Dropout<T> | undefined },
): ReadonlyArray<Stage<T>> => {
  if (pictures === undefined) return []
  const tables = rotary(ops, pictures.rope, vision.headDim)
  return [
    {
      reads: (name) => name.startsWith('visual.patch_embed.'),
      run: (weights) => embeddedPatches(ops, vision)(weights, pictures),
    },
    ...Array.from({ length: vision.depth }, (_, layer): Stage<T> => ({
      reads: (name) => name.startsWith(`visual.blocks.${layer}.`),
      run: (weights, x) => visionBlock(ops, vision)(weights, x!, { layer, pictures, tables, dropout }),
    })),
  ]
}
