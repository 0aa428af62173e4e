/*
 * What of the trainer needs no Node: a policy, its sampling, its loss and an optimiser step, as programs over a backend, and a training loop
 * of them. Files, pictures and whole runs are in the main entry.
 */
export { attempt, type Take } from './effect.ts'
export { sentence, type TrainError } from './errors.ts'
export { orThrow } from './orThrow.ts'

export type { Completion, EncodedPrompt, Positions, ProcessedImage, SamplingOptions } from './policy/types.ts'
export { decodePolicyConfig, type PolicyConfig } from './policy/config.ts'
export { initialWeights, weightShapes } from './policy/weights.ts'
export { policyWeights } from './policy/params.ts'
export { completionBatch, scoreCompletions, type CompletionBatch } from './policy/completions.ts'
export { generate, type GenerateOptions } from './policy/generate.ts'
export { tokenPrompt } from './policy/tokenPrompt.ts'

export { lossGradient, type LossGradientOptions, type MicroGradient } from './train/lossGradient.ts'
export { optimiserStep, replaced, trainable, type Learner, type OptimiserOptions } from './train/optimise.ts'
export { supervisedStep, type Example, type SupervisedOptions } from './train/supervised.ts'
export { trainPolicy, type PolicyStep, type TrainPolicyOptions } from './train/trainPolicy.ts'
export { toDevice, toHost } from './train/hostTensors.ts'
export type { Partially, TrainConfig } from './config/trainConfig.ts'
