import { batchArithmetic, type TrainConfig } from './trainConfig.ts'

type Check = (config: TrainConfig) => string | undefined

const wholeGroups: Check = (c) =>
  c.generation_batch_size % c.num_generations === 0
    ? undefined
    : `generation_batch_size (${c.generation_batch_size}) must be a multiple of num_generations (${c.num_generations}), ` +
      `e.g. ${nearestMultiple(c.generation_batch_size, c.num_generations)}.`

const wholeGroupsInMicroBatch: Check = (c) =>
  c.per_device_train_batch_size % c.num_generations === 0
    ? undefined
    : `per_device_train_batch_size (${c.per_device_train_batch_size}) must be a multiple of num_generations ` +
      `(${c.num_generations}), e.g. ${nearestMultiple(c.per_device_train_batch_size, c.num_generations)}.`

const wholeUpdates: Check = (c) => {
  const { updateBatch } = batchArithmetic(c)
  return c.generation_batch_size % updateBatch === 0
    ? undefined
    : `generation_batch_size (${c.generation_batch_size}) must be a multiple of per_device_train_batch_size x ` +
        `gradient_accumulation_steps (${c.per_device_train_batch_size} x ${c.gradient_accumulation_steps} = ${updateBatch}); ` +
        `set per_device_train_batch_size=${c.generation_batch_size} gradient_accumulation_steps=1 for one update per rollout batch.`
}

const groupsWithSpread: Check = (c) =>
  c.num_generations >= 2 || c.estimator === 'none' || c.estimator === 'reinforce_plus_plus'
    ? undefined
    : `num_generations is 1, and a group of one gives advantage 0 with estimator ${c.estimator}; ` +
      `use num_generations=2 or more, or estimator=reinforce_plus_plus, whose baseline is the batch's.`

const oneWeightPerReward: Check = (c) =>
  c.reward_funcs.length === c.reward_weights.length
    ? undefined
    : `reward_weights has ${c.reward_weights.length} numbers for the ${c.reward_funcs.length} entries of reward_funcs; ` +
      `give one weight per function.`

const differentRewards: Check = (c) => {
  const twice = c.reward_funcs.find((name, i) => c.reward_funcs.indexOf(name) !== i)
  return twice === undefined ? undefined : `reward_funcs names ${twice} twice; add the two weights up instead.`
}

const durianWeighs: Check = (c) =>
  c.estimator !== 'durian' || c.durian.weights.some((w) => w > 0)
    ? undefined
    : `durian.weights are all 0, so every advantage is 0; the default is [0.1, 0.2, 0.7].`

const quantilesInOrder: Check = (c) => {
  const [low, high] = c.durian.perceptual_quantiles
  return low <= high
    ? undefined
    : `durian.perceptual_quantiles must rise, but ${low} is above ${high}; write [${high}, ${low}].`
}

const overlongFits: Check = (c) =>
  !c.soft_overlong.enabled || c.soft_overlong.soft_punish_cache < c.max_completion_length
    ? undefined
    : `soft_overlong.soft_punish_cache (${c.soft_overlong.soft_punish_cache}) must be below max_completion_length ` +
      `(${c.max_completion_length}).`

const warmupEnds: Check = (c) => {
  const { optimiserSteps } = batchArithmetic(c)
  return c.lr_scheduler_type === 'constant' || optimiserSteps === 0 || c.warmup_steps < optimiserSteps
    ? undefined
    : `warmup_steps (${c.warmup_steps}) must be below the run's ${optimiserSteps} optimiser steps for ` +
        `lr_scheduler_type ${c.lr_scheduler_type}.`
}

const scratchIsTaught: Check = (c) =>
  !c.from_scratch || c.sft !== null
    ? undefined
    : `from_scratch starts from random weights, which no reward can teach; add an sft section for the cold start.`

const streamedIsFrozen: Check = (c) =>
  c.base_weights === 'resident' || c.lora !== null
    ? undefined
    : `base_weights streamed keeps the weights as they are, so something else must train; add lora, or set base_weights=resident.`

const streamedIsLayered: Check = (c) =>
  c.base_weights === 'resident' || c.gradient_checkpointing
    ? undefined
    : `base_weights streamed holds one layer at a time, which needs gradient_checkpointing=true.`

const streamedIsRead: Check = (c) =>
  c.base_weights === 'resident' || (c.sft === null && !c.from_scratch)
    ? undefined
    : `base_weights streamed reads its weights from model_name_or_path and cannot follow a cold start; ` +
      `make the cold start in a run of its own, or set base_weights=resident.`

const mixedIsWebGpu: Check = (c) =>
  c.precision === 'float32' || c.backend === 'webgpu'
    ? undefined
    : `precision mixed is for WebGPU, and backend ${c.backend} computes in float32; set backend=webgpu, or leave precision out.`

const pixelRange: Check = ({ min_pixels, max_pixels }) =>
  min_pixels === null || max_pixels === null || min_pixels <= max_pixels
    ? undefined
    : `min_pixels (${min_pixels}) must not be above max_pixels (${max_pixels}).`

const cispoHasBound: Check = (c) =>
  c.loss_type !== 'cispo' || c.epsilon_high !== null
    ? undefined
    : `loss_type cispo needs epsilon_high, the largest weight of a token; TRL advises epsilon_high=5.`

const cispoRange: Check = (c) =>
  c.loss_type !== 'cispo' || c.epsilon_high === null || c.cispo_min < c.epsilon_high
    ? undefined
    : `cispo_min (${c.cispo_min}) must be below epsilon_high (${c.epsilon_high}), the largest weight of a token.`

const oneSecondClip: Check = (c) =>
  c.clip_ratio_c === null || c.delta === null
    ? undefined
    : `clip_ratio_c (${c.clip_ratio_c}) and delta (${c.delta}) both bound the ratio where the advantage is negative; set one of them to null.`

const deltaBeyondClip: Check = (c) => {
  const high = 1 + (c.epsilon_high ?? c.epsilon)
  return c.delta === null || c.delta > high
    ? undefined
    : `delta (${c.delta}) must be above 1 + epsilon_high (${high}), or it would take the place of that clip.`
}

const levelOfLoss: Check = (c) => {
  const own = { gspo: 'sequence', luspo: 'sequence', gspo_token: 'sequence_token' }[c.loss_type as string]
  const level = c.importance_sampling_level
  return own === undefined || level === null || level === own
    ? undefined
    : `importance_sampling_level ${level} contradicts loss_type ${c.loss_type}, which is ${own}; ` +
        `leave it out, or use loss_type=grpo with importance_sampling_level=${level}.`
}

const rewardHasNoGradient: Check = (c) =>
  c.beta === 0 || c.kl.placement === 'loss' || !(c.kl.estimator ?? '').endsWith('+')
    ? undefined
    : `kl.estimator ${c.kl.estimator} is about the gradient, and with kl.placement reward there is none; ` +
      `use kl.estimator=${c.kl.estimator!.slice(0, -1)}.`

const rewardIsLookedAt: Check = (c) => {
  const gdpo = c.estimator === 'gdpo' ? 'estimator' : c.durian.base === 'gdpo' ? 'durian.base' : undefined
  return c.beta === 0 || c.kl.placement === 'loss' || gdpo === undefined
    ? undefined
    : `kl.placement reward takes the penalty from the total reward, which ${gdpo} gdpo does not look at; use kl.placement=loss.`
}

const filterKeyExists: Check = (c) => {
  const { enabled, filter_key } = c.dynamic_sampling
  return !enabled || filter_key === 'overall' || c.reward_funcs.includes(filter_key)
    ? undefined
    : `dynamic_sampling.filter_key ${filter_key} is not one of reward_funcs (${c.reward_funcs.join(', ')}); name one of them, or overall.`
}

const filterRange: Check = (c) => {
  const { filter_low, filter_high } = c.dynamic_sampling
  return filter_low < filter_high
    ? undefined
    : `dynamic_sampling.filter_low (${filter_low}) must be below dynamic_sampling.filter_high (${filter_high}).`
}

const nearestMultiple = (n: number, of: number): number => Math.max(1, Math.round(n / of)) * of

const checks: ReadonlyArray<Check> = [
  groupsWithSpread,
  wholeGroups,
  wholeGroupsInMicroBatch,
  wholeUpdates,
  oneWeightPerReward,
  differentRewards,
  durianWeighs,
  quantilesInOrder,
  overlongFits,
  warmupEnds,
  pixelRange,
  cispoHasBound,
  cispoRange,
  oneSecondClip,
  deltaBeyondClip,
  levelOfLoss,
  rewardHasNoGradient,
  rewardIsLookedAt,
  filterKeyExists,
  filterRange,
  scratchIsTaught,
  streamedIsFrozen,
  streamedIsLayered,
  streamedIsRead,
  mixedIsWebGpu,
]

/** What is wrong between keys that are each right: one sentence a problem, naming the keys and the mend; empty when nothing is. */
export const configProblems = (config: TrainConfig): ReadonlyArray<string> =>
  checks.flatMap((check) => check(config) ?? [])
