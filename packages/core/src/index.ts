// num: host arithmetic, float64
export type { Vec } from './num/vec.ts'
export { isConstant, mean, std, sum, weightedMean, weightedStd, type Ddof } from './num/stats.ts'
export { quantile, quantiles } from './num/quantile.ts'
export { transposed, type Matrix, type SquareMatrix } from './num/matrix.ts'
export { centredColumns, centredProduct, gram } from './num/centredProduct.ts'
export { symmetricEigenvalues } from './num/eigen.ts'

// random: counter-based, stateless
export { philox4x32, type Words } from './random/philox.ts'
export { streams, unitInterval, words, type Counter, type Key, type Stream } from './random/key.ts'
export { randomInt, uniform } from './random/uniform.ts'
export { nameIndex, normals, permutation, randomInts, uniforms, type Sequence } from './random/sequence.ts'

// durian: entropies, confidences, buckets, advantages
export { spectralEntropy } from './durian/spectralEntropy.ts'
export { visualEntropy, visualEntropyOfTiles } from './durian/visualEntropy.ts'
export { confidence, rolloutConfidence, type ConfidenceKind } from './durian/confidence.ts'
export { percentileBuckets, quantileBuckets, type Bucketer, type Bucketing } from './durian/bucket.ts'
export {
  batchStd,
  bucketStds,
  centreOnly,
  groupStds,
  leaveOneOut,
  perPromptStd,
  scored,
  sharedStd,
  type AdvantageEstimator,
  type Advantages,
  type RewardGroups,
  type Rewards,
  type StdOptions,
} from './durian/advantage.ts'
export {
  durianAdvantages,
  durianDefaults,
  type Difficulty,
  type DurianAdvantages,
  type DurianOptions,
  type Sample,
} from './durian/durian.ts'
export {
  aroundBatchMean,
  aroundGroupMean,
  aroundOthersMean,
  bestAboveSecond,
  uncentred,
  type Centre,
} from './durian/centre.ts'
export {
  batchSpread,
  bucketSpread,
  centredSpread,
  divisor,
  groupSpread,
  type BucketSpread,
  type Spread,
} from './durian/spread.ts'
export { composed, type Composition } from './durian/compose.ts'
export { composition, type BatchContext } from './durian/compositions.ts'
export { decoupledScores, weightedRewards, type RewardParts } from './durian/rewardParts.ts'
export type { Lengths } from './durian/rewards.ts'
export {
  meanVerdict,
  noRounds,
  resampled,
  spreadCounts,
  spreadVerdict,
  type Resampling,
  type ResamplingOptions,
  type ResamplingStep,
  type SpreadCounts,
  type SpreadVerdict,
} from './durian/filter.ts'
// ours, not the paper's
export { accuracies, withAccuracy } from './durian/ours/accuracy.ts'
export { shrunkSpread } from './durian/ours/shrunkSpread.ts'
export { remembered, scoreWindow, windowedBuckets, type ScoreWindow } from './durian/ours/windowedBuckets.ts'
export {
  estimator,
  estimatorNames,
  rewardEstimator,
  rewardEstimatorNames,
  type EstimatorName,
  type Normalised,
  type Normaliser,
  type RewardEstimatorName,
} from './durian/select.ts'

// diagnostics: where a batch's groups stand, and who moves the update
export {
  byKind,
  groupKind,
  groupKinds,
  rewardMidpoint,
  rightAbove,
  rightCount,
  rightHistograms,
  type GroupKind,
  type Right,
  type RightHistogram,
} from './diagnostics/groupKind.ts'
export {
  clipFractions,
  ratioSummary,
  type ClipFractions,
  type RatioSummary,
  type TokenLogprobs,
} from './diagnostics/ratio.ts'
export { entropySummary, klSummary, type EntropySummary, type KlSummary } from './diagnostics/divergence.ts'
export { effectiveSampleShare } from './diagnostics/effectiveShare.ts'
export { effectiveShare, gainRatio, gains, massShares, updateMasses } from './diagnostics/mass.ts'
export { groupSummary, type GroupBatch, type GroupSummary } from './diagnostics/summary.ts'

// ops: the algebra of device programs
export { broadcastShape, ShapeError, sizeOf, stridesOf, type Shape } from './ops/shape.ts'
export type {
  AdamWMoments,
  AttentionInputs,
  AdamWMoved,
  AdamWNumbers,
  DecodingPrompt,
  DecodingToken,
  Fused,
  HostTensor,
  Ids,
  OwnTokens,
  TensorOps,
  TokenScores,
  Transposes,
} from './ops/tensorOps.ts'

// port: what a backend offers
export type {
  Backend,
  BackendError,
  DeviceInfo,
  Gradients,
  Held,
  KvCache,
  KvCaches,
  Memory,
  Params,
  Transfer,
  Tree,
  WeightSource,
  WithBackend,
} from './port/backend.ts'

// ops: reference interpreter and derived programs
export { referenceOps } from './ops/reference.ts'
export type { RefTensor } from './ops/reference.ts'
export { erf } from './ops/erf.ts'
export { attention, derivedAttention } from './ops/attention.ts'
export { drawToken, truncates, type Draw, type DrawOptions } from './ops/drawToken.ts'
export {
  derivedLinear,
  derivedRmsNorm,
  derivedRotary,
  derivedSwiglu,
  fill,
  gelu,
  linear,
  logSoftmax,
  maskedMean,
  meanAll,
  meanAxis,
  narrowed,
  residualLinear,
  rmsNorm,
  rotateHalf,
  scalar,
  scale,
  shift,
  silu,
  sumAll,
  swiglu,
  zeros,
  headEntropy,
  headScores,
} from './ops/derived.ts'

// optim
export { derivedAdamW, initAdamW, updateAdamW } from './optim/adamw.ts'
export type { AdamWOptions, AdamWResult, AdamWState } from './optim/adamw.ts'
export { clipByGlobalNorm, globalNorm } from './optim/clipByGlobalNorm.ts'
export type { ClippedGradients } from './optim/clipByGlobalNorm.ts'
export { learningRateSchedule } from './optim/schedule.ts'
export type { Schedule, ScheduleOptions } from './optim/schedule.ts'

// port: defaults for backends
export { bracketOf } from './port/bracket.ts'
export { concatKvCaches } from './port/kvCache.ts'
export { treeWalks } from './port/tree.ts'
export type { TreeWalks } from './port/tree.ts'
export { residentWeights } from './port/weights.ts'

// loss: programs over the algebra
export { fixedLength, sequenceMean, sequenceSum, tokenMean } from './loss/aggregate.ts'
export type { Aggregate } from './loss/aggregate.ts'
export { easyR1KlClamp, klEstimate } from './loss/kl.ts'
export type { KlClamp, KlEstimator, KlOptions } from './loss/kl.ts'
export { adaptedKlCoefficient, klInReward, tokenKl } from './loss/klInReward.ts'
export type { KlInReward, KlTarget } from './loss/klInReward.ts'
export { softOverlongPunishment, type SoftOverlong } from './loss/overlong.ts'
export { cispo, type CispoRange } from './loss/cispo.ts'
export { sapo, type SapoTemperatures } from './loss/sapo.ts'
export { importanceWeights, type ImportanceOptions } from './loss/importance.ts'
export { entropyThreshold, onPolicyOnly, undecidedOnly, type TokenWeight } from './loss/tokenWeight.ts'
export { policyLoss } from './loss/policyLoss.ts'
export type { PolicyLossOptions, PolicyLossStatistics, PolicyLossValue } from './loss/policyLoss.ts'
export { presetLoss, presetNames, presets, type Preset, type PresetName } from './loss/presets.ts'
export { lossTypes, recipe, recipeSpec } from './loss/recipes.ts'
export type { LossType, Recipe, RecipeOptions } from './loss/recipes.ts'
export { aggregateOf, surrogateOf, type AggregateSpec, type SurrogateSpec } from './loss/specs.ts'
export { supervisedLoss } from './loss/supervised.ts'
export { clipped, policyGradient, probabilityRatio } from './loss/surrogate.ts'
export type { ClipRange, RatioLevel, Surrogate, SurrogateTerms } from './loss/surrogate.ts'
export { batchTotals, countedTotals } from './loss/tokenBatch.ts'
export type { BatchTotals, TokenBatch } from './loss/tokenBatch.ts'
