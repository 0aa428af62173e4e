/** Reads what the rest of the configuration says (ours, merged so far, defaults included). */
export type Lookup = (key: string) => unknown

interface Mapping {
  readonly to: string
  readonly note?: string
  /** From EasyR1's value to ours; left out = the same value. Values of the wrong type pass through, for the codec to refuse. */
  readonly convert?: (value: unknown, get: Lookup) => unknown
}

const numeric =
  (f: (x: number, get: Lookup) => unknown) =>
  (value: unknown, get: Lookup): unknown =>
    typeof value === 'number' ? f(value, get) : value

const times = (key: string) => numeric((x, get) => x * Number(get(key)))

/** EasyR1's names and what they mean here. EasyR1 counts batches in prompts, TRL and we in completions. */
export const easyR1Names: Readonly<Record<string, Mapping>> = {
  'data.train_files': { to: 'dataset' },
  'data.val_files': { to: 'validation_dataset' },
  'data.prompt_key': { to: 'columns.prompt' },
  'data.answer_key': { to: 'columns.answer' },
  'data.image_key': { to: 'columns.images' },
  'data.format_prompt': { to: 'format_prompt' },
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
  'worker.actor.max_grad_norm': { to: 'max_grad_norm' },
  'worker.actor.clip_ratio_low': { to: 'epsilon' },
  'worker.actor.clip_ratio_high': { to: 'epsilon_high' },
  'worker.actor.ppo_epochs': { to: 'num_iterations' },
  'worker.actor.loss_avg_mode': {
    to: 'loss_type',
    note: 'token is dapo, seq is grpo',
    convert: (value) => (value === 'token' ? 'dapo' : value === 'seq' ? 'grpo' : value),
  },
  'algorithm.adv_estimator': { to: 'estimator' },
  'algorithm.kl_coef': { to: 'beta' },
  'algorithm.online_filtering': {
    to: 'dynamic_sampling.enabled',
    note: 'drops groups of one reward, not groups by mean reward',
  },
  'trainer.max_steps': { to: 'max_steps' },
  'trainer.val_freq': { to: 'eval_steps' },
  'trainer.save_freq': { to: 'save_steps' },
  'trainer.save_limit': { to: 'save_total_limit' },
  'trainer.save_checkpoint_path': { to: 'output_dir' },
}

/** EasyR1's groups: none of them is a key of ours, so a key under one is EasyR1's. */
export const isEasyR1 = (key: string): boolean => /^(data|worker|algorithm|trainer)(\.|$)/.test(key)
