// effects: what can go wrong, and async code that may stop with a Left
export { attempt, type Take } from './effect.ts'
export { badInput, runFailed, sentence, type TrainError } from './errors.ts'

// config: from YAML, presets and key=value arguments to one checked record
export { lossOptions, lossSpec, type LossSpec, type LossState } from './config/lossSpec.ts'
export { presetNames, presets, type PresetName } from './config/presets.ts'
export { configText, readConfig, type ConfigSource } from './config/readConfig.ts'
export { batchArithmetic, TrainConfig, type BatchArithmetic } from './config/trainConfig.ts'

// data: rows in, the synthetic data set out
export type { Message, Row } from './data/types.ts'
export { loadDataset, type Dataset, type DatasetOptions } from './data/dataset.ts'
export { checkData, type CheckOptions, type DataReport, type Finding } from './data/checkData.ts'
export { makeData, rlFamilies, sftFamilies, type MakeOptions, type Split } from './data/synthetic/makeData.ts'

// hub: models by name, in the cache that Hugging Face's libraries share
export { hubSettings, modelDirectory, type HubSettings, type ModelDirectoryHooks } from './hub/index.ts'

// processor: text and pictures to an encoded prompt
export { loadProcessor, type Processor, type SpecialTokens } from './processor/loadProcessor.ts'
export { encodePrompt, type PromptSource } from './processor/encodePrompt.ts'
export { ropePositions } from './processor/positions.ts'

// policy: Qwen2.5-VL as programs over TensorOps
export type { Completion, EncodedPrompt, Positions, ProcessedImage, SamplingOptions } from './policy/types.ts'
export { decodePolicyConfig, type PolicyConfig } from './policy/config.ts'
export { eachWeight, loadPolicy, loadPolicyConfig, loadWeights, type EachWeightOptions } from './policy/files.ts'
export { initialWeights, weightShapes } from './policy/weights.ts'
export { frozenParams } from './policy/params.ts'
export { completionBatch, scoreCompletions, type CompletionBatch } from './policy/completions.ts'
export { visionFeatures, type VisionFeatures } from './policy/vision.ts'
export { generate, type GenerateOptions } from './policy/generate.ts'
export { tokenPrompt } from './policy/tokenPrompt.ts'
export {
  eachTensor,
  floatsOf,
  readSafetensors,
  writeSafetensors,
  writeTensors,
  type NamedTensor,
  type Tensors,
  type TensorToWrite,
} from './io/safetensors.ts'

// reward: functions of a row and a response
export * from './reward/index.ts'

// workers: the host's work in threads
export { type HostWorkerConfig, type HostWorkers, withHostWorkers, withWorkers } from './workers/hostWorkers.ts'

// train: a step, a run, and their parts
export { prepare, type Prepared } from './train/prepare.ts'
export { encodeRows, rollOut, samplingOptions, type RolloutContext, type Task } from './train/rollout.ts'
export { visualEntropies } from './train/visualEntropies.ts'
export { durianOptions, groupAdvantages, type Group, type GroupAdvantages, type Rolled } from './train/groups.ts'
export { update, type UpdateContext, type UpdateStatistics } from './train/update.ts'
export { replaced, trainable, type Learner } from './train/optimise.ts'
export { supervisedStep, type Example, type SupervisedOptions } from './train/supervised.ts'
export { trainStep, type StepContext, type StepReport, type TrainState } from './train/trainStep.ts'
export { findResume } from './train/resume.ts'
export { train, type TrainResult } from './train/train.ts'
export type { TrainHooks } from './train/hooks.ts'
export { drawRows, type DrawContext, type Drawn, type DrawRowsOptions } from './train/drawRows.ts'
export { evaluate, type EvaluationContext, type EvaluationOptions } from './train/evaluate.ts'
export {
  sampledEvaluation,
  sampledRates,
  type SampledEvaluation,
  type SampledOptions,
} from './train/sampledEvaluation.ts'
export { writeModel } from './train/checkpoint.ts'
export { toDevice, toHost } from './train/hostTensors.ts'
export { trainPolicy, type PolicyStep, type TrainPolicyOptions } from './train/trainPolicy.ts'
export { stopwatch, type Stopwatch } from './train/stopwatch.ts'

// run: what a run writes, and intervals of its numbers
export type { CompletionRecord, Evaluation, Metrics } from './run/records.ts'
export { bootstrapInterval, pairedDifference, type BootstrapOptions, type Estimate } from './run/intervals.ts'
export { metricTable, type MetricRow } from './run/metricTable.ts'
export { writeReport } from './report/writeReport.ts'
