import { type Completion, type EncodedPrompt, type Group, ropePositions } from '@durian/trainer'
import type { GpuModel } from './models.ts'
import { hashed } from './seeded.ts'

/** Ids of words: those of the special tokens lie at an end of every vocabulary here. */
const words = (name: string, count: number, { policy }: GpuModel): Int32Array => {
  const { tokens, text } = policy
  const special = [tokens.image, tokens.video, tokens.visionStart, tokens.visionEnd, ...tokens.end]
  const low = Math.min(...special) > text.vocabSize / 2
  const first = low ? 0 : Math.max(...special) + 1
  const last = low ? Math.min(...special) : text.vocabSize
  return Int32Array.from(hashed(name, count), (u) => first + Math.floor(((u + 1) / 2) * (last - first)))
}

/** A prompt with one picture of random pixels, which stands in front of random words. */
export const prompt = (model: GpuModel, index: number): EncodedPrompt => {
  const { plan, policy } = model
  const { vision, tokens } = policy
  const edge = plan.side / vision.patchSize
  const width = vision.channels * vision.temporalPatchSize * vision.patchSize ** 2
  const image = { pixels: hashed(`pixels ${index}`, edge ** 2 * width, 2), grid: [1, edge, edge] as const }
  const ids = Int32Array.from([
    tokens.visionStart,
    ...new Array<number>((edge / vision.mergeSize) ** 2).fill(tokens.image),
    tokens.visionEnd,
    ...words(`prompt ${index}`, plan.words - 2, model),
  ])
  const options = { imageToken: tokens.image, mergeSize: vision.mergeSize }
  return { id: `${index}`, text: '', ids, images: [image], ...ropePositions(ids, [image], options) }
}

export const prompts = (model: GpuModel, count = model.plan.prompts): ReadonlyArray<EncodedPrompt> =>
  Array.from({ length: count }, (_, index) => prompt(model, index))

/**
 * Rollouts of random tokens. Their recorded log-probs are 0, so that the difference an update reports between them and its own is the mean
 * of -ln p: what two implementations of a policy can agree in.
 */
export const groups = (model: GpuModel): ReadonlyArray<Group> =>
  prompts(model).map((encoded, index) => {
    const completions = Array.from({ length: model.plan.rollouts }, (_, rollout): Completion => ({
      ids: words(`completion ${index} ${rollout}`, model.plan.length, model),
      logprobs: new Float64Array(model.plan.length),
      terminated: true,
      excludedMass: 0,
    }))
    return {
      row: { id: encoded.id, problem: '', answer: '', images: [], extra: {} },
      prompt: encoded,
      completions,
      texts: completions.map(() => ''),
      rewards: completions.map((_, rollout) => rollout % 2),
      parts: completions.map(() => ({})),
      visualEntropy: null,
      confidence: 0,
    }
  })

/** +1 and -1 in turns, [prompts][rollouts]. */
export const advantages = ({ plan }: GpuModel): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: plan.prompts }, () => Array.from({ length: plan.rollouts }, (_, i) => (i % 2 === 0 ? 1 : -1)))
