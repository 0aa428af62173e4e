import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HostTensor, uniforms } from '@durian/core'
import { type EncodedPrompt, initialWeights, type PolicyConfig } from '@durian/trainer'

/** A decoder without pictures, and the batch it is trained on. */
export interface TextModel {
  readonly name: string
  readonly text: PolicyConfig['text']
  /** Rows of the training batch. */
  readonly sequences: number
  /** Tokens of a row that count in the loss. Two tokens of prompt stand before them. */
  readonly length: number
}

export const models: ReadonlyArray<TextModel> = [
  {
    name: 'd128: 4 layers, ff 384, vocabulary 64',
    text: {
      vocabSize: 64,
      hiddenSize: 128,
      intermediateSize: 384,
      layers: 4,
      heads: 4,
      kvHeads: 2,
      headDim: 32,
      ropeTheta: 10000,
      mropeSection: [8, 4, 4],
      rmsNormEps: 1e-6,
      tied: false,
    },
    sequences: 32,
    length: 96,
  },
  {
    name: "demo's decoder: d64, 3 layers, ff 128, vocabulary 144",
    text: {
      vocabSize: 144,
      hiddenSize: 64,
      intermediateSize: 128,
      layers: 3,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      ropeTheta: 100,
      mropeSection: [4, 2, 2],
      rmsNormEps: 1e-6,
      tied: true,
    },
    sequences: 256,
    length: 32,
  },
]

export const learningRate = 1e-3

/** The vision tower's sizes do not matter: its weights are left out. */
export const policyConfig = ({ text }: TextModel): PolicyConfig => ({
  text,
  vision: {
    depth: 1,
    hiddenSize: 8,
    intermediateSize: 8,
    heads: 1,
    headDim: 8,
    channels: 3,
    patchSize: 2,
    temporalPatchSize: 1,
    mergeSize: 2,
    windowSize: 8,
    fullAttentionBlocks: [0],
    outHiddenSize: text.hiddenSize,
  },
  tokens: { image: -1, video: -1, visionStart: -1, visionEnd: -1, end: [], pad: undefined },
})

export const textWeights = (model: TextModel): Readonly<Record<string, HostTensor>> =>
  Object.fromEntries(
    Object.entries(initialWeights(policyConfig(model), 1)).filter(([name]) => !name.startsWith('visual.')),
  )

/** [sequences, length + 2]: two tokens of prompt, then the row's tokens. */
export const tokensOf = ({ text, sequences, length }: TextModel): Int32Array =>
  Int32Array.from(uniforms({ seed: 1, index: 1 }, sequences * (length + 2)), (u) => Math.floor(u * text.vocabSize))

/** The prompt of a row, of two tokens. */
export const promptOf = (model: TextModel, tokens: Int32Array, row: number): EncodedPrompt => {
  const start = (row % model.sequences) * (model.length + 2)
  const axis = Int32Array.of(0, 1)
  return {
    id: `${row}`,
    text: '',
    ids: tokens.slice(start, start + 2),
    positions: [axis, axis, axis],
    nextPosition: 2,
    images: [],
  }
}

/** Weights and tokens in a folder, for a peer in another language. */
export const writeModel = (model: TextModel): string => {
  const folder = mkdtempSync(join(tmpdir(), 'durian-bench-'))
  const weights = Object.entries(textWeights(model))
  const flat = Float32Array.from(weights.flatMap(([, { data }]) => Array.from(data)))
  writeFileSync(join(folder, 'weights.f32'), new Uint8Array(flat.buffer))
  writeFileSync(join(folder, 'tokens.i32'), new Uint8Array(tokensOf(model).buffer))
  writeFileSync(
    join(folder, 'model.json'),
    JSON.stringify({
      layers: model.text.layers,
      heads: model.text.heads,
      kvHeads: model.text.kvHeads,
      headDim: model.text.headDim,
      theta: model.text.ropeTheta,
      sequences: model.sequences,
      length: model.length,
      learningRate,
      weights: weights.map(([name, { shape }]) => [name, shape]),
    }),
  )
  return folder
}
