import { type Shape, sizeOf } from '@durian/core'
import { loadPolicyConfig, type PolicyConfig, type TrainError, weightShapes } from '@durian/trainer'
import { taskEither as TE } from 'fp-ts'

export const modelNames = ['demo', '100m', '1b'] as const
export type ModelName = (typeof modelNames)[number]

/** The batch that a model is measured on. */
export interface Plan {
  readonly prompts: number
  /** Of each prompt. */
  readonly rollouts: number
  /** Pixels along one edge of the picture of each prompt. */
  readonly side: number
  /** Tokens of a prompt beside its picture's, the two that enclose the picture among them. */
  readonly words: number
  /** Tokens of each completion. */
  readonly length: number
  /** Compute each layer once more on the way back, where the activations of the whole step are many. */
  readonly checkpointing: boolean
  /** Batches that are sampled, as numbers of prompts; `rollouts` of each. */
  readonly sampled: ReadonlyArray<number>
}

export interface GpuModel {
  readonly name: ModelName
  readonly policy: PolicyConfig
  readonly plan: Plan
}

const vision = (sizes: {
  readonly depth: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly fullAttentionBlocks: ReadonlyArray<number>
  readonly outHiddenSize: number
}): PolicyConfig['vision'] => ({
  ...sizes,
  heads: sizes.hiddenSize / 64,
  headDim: 64,
  channels: 3,
  patchSize: 14,
  temporalPatchSize: 2,
  mergeSize: 2,
  windowSize: 112,
})

/** The last five ids of the vocabulary. */
const tokens = (vocabSize: number): PolicyConfig['tokens'] => ({
  image: vocabSize - 1,
  video: vocabSize - 2,
  visionStart: vocabSize - 3,
  visionEnd: vocabSize - 4,
  end: [vocabSize - 5],
  pad: undefined,
})

/** Widths of 512, heads of 64; a vocabulary that leaves more than four fifths of the parameters to the layers. */
const hundredMillion: PolicyConfig = {
  text: {
    vocabSize: 32_768,
    hiddenSize: 512,
    intermediateSize: 2048,
    layers: 14,
    heads: 8,
    kvHeads: 2,
    headDim: 64,
    ropeTheta: 1e6,
    mropeSection: [8, 12, 12],
    rmsNormEps: 1e-6,
    tied: true,
  },
  vision: vision({
    depth: 8,
    hiddenSize: 512,
    intermediateSize: 1408,
    fullAttentionBlocks: [3, 7],
    outHiddenSize: 512,
  }),
  tokens: tokens(32_768),
}

/** Heads, key heads, width of a head and vocabulary of Qwen2.5-VL-3B, three quarters of its width, half of its layers. */
const oneBillion: PolicyConfig = {
  text: {
    vocabSize: 151_936,
    hiddenSize: 1536,
    intermediateSize: 6144,
    layers: 18,
    heads: 12,
    kvHeads: 2,
    headDim: 128,
    ropeTheta: 1e6,
    mropeSection: [16, 24, 24],
    rmsNormEps: 1e-6,
    tied: true,
  },
  vision: vision({
    depth: 16,
    hiddenSize: 1024,
    intermediateSize: 2736,
    fullAttentionBlocks: [7, 15],
    outHiddenSize: 1536,
  }),
  tokens: tokens(151_936),
}

const plans: Readonly<Record<ModelName, Plan>> = {
  demo: { prompts: 32, rollouts: 8, side: 112, words: 32, length: 32, checkpointing: false, sampled: [4, 32] },
  '100m': { prompts: 4, rollouts: 8, side: 224, words: 64, length: 128, checkpointing: false, sampled: [4, 16] },
  '1b': { prompts: 4, rollouts: 8, side: 224, words: 64, length: 128, checkpointing: true, sampled: [4, 16] },
}

/** Of a tiny policy; heads stay as many and as wide as they are. */
const TINY = { layers: { demo: 2, '100m': 2, '1b': 1 }, vocabulary: 2048, visionWidth: 128, inner: 256 } as const

/** A policy with fewer layers and words and less between them: the same kinds of operations, for a device that is slow. */
const tinyPolicy = (name: ModelName, { text, vision: seen, tokens: named }: PolicyConfig): PolicyConfig => {
  const depth = Math.min(TINY.layers[name], seen.depth)
  const vocabSize = Math.min(TINY.vocabulary, text.vocabSize)
  const narrow = {
    ...seen,
    depth,
    intermediateSize: Math.min(TINY.inner, seen.intermediateSize),
    fullAttentionBlocks: [depth - 1],
  }
  return {
    text: {
      ...text,
      vocabSize,
      intermediateSize: Math.min(TINY.inner, text.intermediateSize),
      layers: Math.min(TINY.layers[name], text.layers),
    },
    vision: seen.hiddenSize > TINY.visionWidth ? vision({ ...narrow, hiddenSize: TINY.visionWidth }) : narrow,
    tokens: vocabSize === text.vocabSize ? named : tokens(vocabSize),
  }
}

const tinyPlan = (plan: Plan, { vision }: PolicyConfig): Plan => ({
  ...plan,
  prompts: 1,
  rollouts: 2,
  side: vision.windowSize,
  words: 4,
  length: 4,
  sampled: [1],
})

/**
 * A model and its batch. `demo` is the model folder's; the others are Qwen2.5-VL in smaller sizes, whose weights are random.
 *
 * @param tiny - a layer or two, fewer words and a batch of a few tokens, to try the program on a slow device
 */
export const gpuModel = (
  name: ModelName,
  { demoFolder, tiny = false }: { readonly demoFolder: string; readonly tiny?: boolean },
): TE.TaskEither<TrainError, GpuModel> =>
  TE.map((policy: PolicyConfig): GpuModel => {
    const plan = plans[name]
    return tiny ? { name, policy: tinyPolicy(name, policy), plan: tinyPlan(plan, policy) } : { name, policy, plan }
  })(name === 'demo' ? loadPolicyConfig(demoFolder) : TE.right(name === '100m' ? hundredMillion : oneBillion))

export const parameterCount = (policy: PolicyConfig): number =>
  Object.values(weightShapes(policy)).reduce((total, shape) => total + sizeOf(shape), 0)

/** The largest tensor that a step needs in one piece, and what it is. */
export const largestTensor = (policy: PolicyConfig): { readonly name: string; readonly shape: Shape } =>
  Object.entries(weightShapes(policy))
    .map(([name, shape]) => ({ name, shape }))
    .reduce((largest, one) => (sizeOf(one.shape) > sizeOf(largest.shape) ? one : largest))

/** Tokens of a model's step by where they are computed: a prompt once, whatever the number of its completions. */
export const tokenCounts = ({
  policy: { vision },
  plan,
}: GpuModel): { readonly patches: number; readonly prompt: number; readonly completion: number } => {
  const patches = plan.prompts * (plan.side / vision.patchSize) ** 2
  return {
    patches,
    prompt: plan.prompts * plan.words + patches / vision.mergeSize ** 2,
    completion: plan.prompts * plan.rollouts * plan.length,
  }
}

/** Operations of a step's matrix products with weights: forwards once, backwards twice, and forwards once more with checkpointing. */
export const stepFlop = (model: GpuModel): number => {
  const { policy, plan } = model
  const { patches, prompt, completion } = tokenCounts(model)
  const merged = patches / policy.vision.mergeSize ** 2
  const rowsOf = (name: string): number => {
    if (name === 'model.embed_tokens.weight') return policy.text.tied ? completion : 0
    if (name === 'lm_head.weight') return completion
    if (name.startsWith('visual.merger.')) return merged
    return name.startsWith('visual.') ? patches : prompt + completion
  }
  const forward = Object.entries(weightShapes(policy))
    .filter(([, shape]) => shape.length > 1)
    .reduce((total, [name, shape]) => total + 2 * sizeOf(shape) * rowsOf(name), 0)
  return forward * (plan.checkpointing ? 4 : 3)
}
