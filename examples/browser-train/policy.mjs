// A policy of a few thousand random weights, and four prompts of three tokens.
import { initialWeights } from '@durian/trainer/browser'

export const policy = {
  text: {
    vocabSize: 24,
    hiddenSize: 16,
    intermediateSize: 32,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 4,
    ropeTheta: 10_000,
    mropeSection: [1, 1, 0],
    rmsNormEps: 1e-6,
    tied: true,
  },
  vision: {
    depth: 1,
    hiddenSize: 8,
    intermediateSize: 8,
    heads: 2,
    headDim: 4,
    channels: 3,
    patchSize: 2,
    temporalPatchSize: 1,
    mergeSize: 2,
    windowSize: 8,
    fullAttentionBlocks: [0],
    outHiddenSize: 16,
  },
  tokens: { image: 20, video: 21, visionStart: 22, visionEnd: 23, end: [1], pad: 0 },
}

/** The weights on the device, by name. */
export const randomWeights = (ops) =>
  Object.fromEntries(Object.entries(initialWeights(policy, 1)).map(([name, tensor]) => [name, ops.fromHost(tensor)]))

const positions = Int32Array.of(0, 1, 2)
export const prompts = [3, 5, 7, 9].map((token) => ({
  id: `prompt ${token}`,
  text: '',
  ids: Int32Array.of(2, token, token + 1),
  positions: [positions, positions, positions],
  nextPosition: 3,
  images: [],
}))
