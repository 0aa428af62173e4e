// What is trained and where: a policy of a few thousand random weights, four prompts of three tokens, a reward, the page.
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

/** The prompts have no pictures. */
export const frozen = (name) => name.startsWith('visual.')

/** The step is a counter of the draws: left as it is, two policies are compared on the same luck. */
export const sampling = {
  numGenerations: 32,
  maxCompletionLength: 3,
  temperature: 1,
  topP: 1,
  topK: 0,
  banned: [],
  endTokens: [],
  seed: 1,
  step: 0,
}

/** Share of even tokens. */
export const reward = ({ ids }) => ids.filter((id) => id % 2 === 0).length / ids.length

/** `?software` in the address: on the processor, where there is no GPU. */
export const device = new URLSearchParams(location.search).has('software') ? 'software' : 'hardware'

export const print = (line) => document.querySelector('#log').append(`${line}\n`)

/** The value of an effect that succeeded; else an error for the page. */
export const right = (result) => {
  if (result._tag === 'Right') return result.right
  const { reason, mend, message } = result.left
  throw new Error(message ?? [reason, mend].filter(Boolean).join('; '))
}
