/** Reads what the rest of the configuration says (ours, merged so far, defaults included). */
export type Lookup = (key: string) => unknown

export interface Mapping {
  readonly to: string
  readonly note?: string
  /** From EasyR1's value to ours; left out = the same value. Values of the wrong type pass through, for the codec to refuse. */
  readonly convert?: (value: unknown, get: Lookup) => unknown
  /** Whether the key says nothing here, beside the others: EasyR1 writes out the options of what is switched off. */
  readonly idle?: (value: unknown, get: Lookup) => boolean
  /** Keys of ours that it sets besides. */
  readonly also?: (value: unknown, get: Lookup) => Readonly<Record<string, unknown>>
}

const numeric =
  (f: (x: number, get: Lookup) => unknown) =>
  (value: unknown, get: Lookup): unknown =>
    typeof value === 'number' ? f(value, get) : value

const isCispo = (get: Lookup): boolean => get('worker.actor.loss_type') === 'cispo'
const noKl = (_: unknown, get: Lookup): boolean => get('algorithm.disable_kl') === true
const fixedKl = (value: unknown, get: Lookup): boolean => noKl(value, get) || get('algorithm.kl_type') !== 'adaptive'
const unfiltered = (_: unknown, get: Lookup): boolean => get('algorithm.online_filtering') !== true
const isMathReward = (value: unknown): boolean =>
  typeof value === 'string' && /(^|\/)math\.py(:compute_score)?$/.test(value)
const oneOf =
  (words: Readonly<Record<string, unknown>>) =>
  (value: unknown): unknown =>
    typeof value === 'string' && Object.hasOwn(words, value) ? words[value] : value

const times = (key: string) => numeric((x, get) => x * Number(get(key)))

/** EasyR1's names and what they mean here. EasyR1 counts batches in prompts, TRL and we in completions. */
export const easyR1Names: Readonly<Record<string, Mapping>> = {
  'data.train_files': { to: 'dataset' },
  'data.val_files': { to: 'validation_dataset' },
  'data.prompt_key': { to: 'columns.prompt' },
  'data.answer_key': { to: 'columns.answer' },
  'data.image_key': { to: 'columns.images' },
  'data.format_prompt': { to: 'format_prompt' },
  'data.min_pixels': { to: 'min_pixels' },
  'data.max_pixels': { to: 'max_pixels' },
  'data.filter_overlong_prompts': { to: 'filter_overlong_prompts' },
  'data.seed': { to: 'seed' },
  'data.max_prompt_length': { to: 'max_prompt_length' },
  'data.max_response_length': { to: 'max_completion_length' },
  'data.rollout_batch_size': {
    to: 'generation_batch_size',
    note: 'prompts there, completions here: x num_generations',
    convert: times('num_generations'),
  },
  'worker.rollout.n': { to: 'num_generations' },
  'worker.rollout.temperature': { to: 'temperature' },
  'worker.rollout.top_p': { to: 'top_p' },
  'worker.rollout.top_k': { to: 'top_k', note: '-1 there is 0 here', convert: numeric((x) => (x === -1 ? 0 : x)) },
  'worker.rollout.val_override_config.temperature': { to: 'eval_temperature' },
  'worker.rollout.val_override_config.top_p': { to: 'eval_top_p' },
  'worker.actor.model.model_path': { to: 'model_name_or_path' },
  'worker.actor.model.freeze_vision_tower': { to: 'freeze_vision_tower' },
  'worker.actor.model.lora.rank': { to: 'lora.r', note: '0 there is no lora section here' },
  'worker.actor.model.lora.alpha': { to: 'lora.lora_alpha' },
  'worker.actor.model.lora.target_modules': { to: 'lora.target_modules' },
  'worker.actor.model.lora.exclude_modules': { to: 'lora.exclude_modules' },
  'worker.actor.global_batch_size': {
    to: 'gradient_accumulation_steps',
    note: 'prompts per update there: x num_generations / per_device_train_batch_size',
    convert: numeric((x, get) => (x * Number(get('num_generations'))) / Number(get('per_device_train_batch_size'))),
  },
  'worker.actor.optim.lr': { to: 'learning_rate' },
  'worker.actor.optim.weight_decay': { to: 'weight_decay' },
  'worker.actor.optim.lr_scheduler_type': { to: 'lr_scheduler_type' },
  'worker.actor.optim.lr_warmup_steps': { to: 'warmup_steps' },
  'worker.actor.max_grad_norm': { to: 'max_grad_norm' },
  'worker.actor.clip_ratio_low': {
    to: 'epsilon',
    note: 'with cispo it is cispo_min = 1 - clip_ratio_low',
    idle: (_, get) => isCispo(get),
    also: (value, get) => (isCispo(get) && typeof value === 'number' ? { cispo_min: 1 - value } : {}),
  },
  'worker.actor.clip_ratio_high': {
    to: 'epsilon_high',
    note: 'with cispo it is 1 + clip_ratio_high',
    convert: numeric((x, get) => (isCispo(get) ? 1 + x : x)),
  },
  'worker.actor.clip_ratio_dual': { to: 'clip_ratio_c', note: 'verl calls it clip_ratio_c too' },
  'worker.actor.tau_positive': { to: 'sapo_temperature_pos' },
  'worker.actor.tau_negative': { to: 'sapo_temperature_neg' },
  'worker.actor.ppo_epochs': { to: 'num_iterations' },
  'worker.actor.loss_type': { to: 'loss_type', note: 'default is dapo', convert: oneOf({ default: 'dapo' }) },
  'worker.actor.loss_avg_mode': {
    to: 'loss_aggregation',
    note: 'token is token-mean, seq is sequence-mean',
    convert: oneOf({ token: 'token-mean', seq: 'sequence-mean' }),
  },
  'algorithm.adv_estimator': { to: 'estimator', note: 'gae and remax are not here' },
  'algorithm.disable_kl': {
    to: 'beta',
    note: 'true is beta 0, and the other kl keys then say nothing',
    idle: (value) => value === false,
    convert: (value) => (value === true ? 0 : value),
  },
  'algorithm.kl_coef': { to: 'beta', idle: noKl },
  'algorithm.use_kl_loss': {
    to: 'kl.placement',
    note: 'true is loss, false is reward',
    idle: noKl,
    convert: (value) => (value === true ? 'loss' : value === false ? 'reward' : value),
  },
  'algorithm.kl_penalty': {
    to: 'kl.estimator',
    note: 'kl is k1, abs is abs, mse is k2, low_var_kl is k3 with kl.clamp [20, 10]; full is not here',
    idle: noKl,
    convert: oneOf({ kl: 'k1', abs: 'abs', mse: 'k2', low_var_kl: 'k3' }),
    also: (value, get) =>
      value === 'low_var_kl' && !noKl(value, get) && get('algorithm.use_kl_loss') !== false
        ? { 'kl.clamp': [20, 10] }
        : {},
  },
  'algorithm.kl_type': {
    to: 'kl.target',
    note: 'adaptive takes kl_target, fixed none',
    idle: (value, get) => noKl(value, get) || value === 'fixed',
    convert: (value, get) => (value === 'adaptive' ? (get('algorithm.kl_target') ?? 0.1) : value),
  },
  'algorithm.kl_target': { to: 'kl.target', idle: fixedKl },
  'algorithm.kl_horizon': { to: 'kl.horizon', idle: fixedKl },
  'algorithm.online_filtering': {
    to: 'dynamic_sampling.enabled',
    note: 'with dynamic_sampling.filter mean_reward; spread drops the groups without a gradient instead',
    also: (value) => (value === true ? { 'dynamic_sampling.filter': 'mean_reward' } : {}),
  },
  'algorithm.filter_key': {
    to: 'dynamic_sampling.filter_key',
    note: 'accuracy is accuracy_reward, format is boxed_format_reward',
    idle: unfiltered,
    convert: oneOf({ accuracy: 'accuracy_reward', format: 'boxed_format_reward' }),
  },
  'algorithm.filter_low': { to: 'dynamic_sampling.filter_low', idle: unfiltered },
  'algorithm.filter_high': { to: 'dynamic_sampling.filter_high', idle: unfiltered },
  'trainer.max_try_make_batch': {
    to: 'dynamic_sampling.max_resample_times',
    note: 'rounds in all there, extra rounds here',
    idle: unfiltered,
    convert: numeric((x) => x - 1),
  },
  'worker.reward.reward_function': {
    to: 'reward_funcs',
    note: 'math.py:compute_score is the reward math; write others as a file of yours (docs/rewards.md)',
    convert: (value) => (isMathReward(value) ? ['math'] : value),
    also: (value) => (isMathReward(value) ? { reward_weights: [1] } : {}),
  },
  'trainer.max_steps': { to: 'max_steps' },
  'trainer.val_freq': { to: 'eval_steps' },
  'trainer.save_freq': { to: 'save_steps' },
  'trainer.save_limit': { to: 'save_total_limit' },
  'trainer.save_checkpoint_path': { to: 'output_dir' },
}

/** EasyR1's groups: none of them is a key of ours, so a key under one is EasyR1's. */
export const isEasyR1 = (key: string): boolean => /^(data|worker|algorithm|trainer)(\.|$)/.test(key)
