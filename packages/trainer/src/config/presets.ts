import { coreValues } from './coreValues.ts'
import type { Partially, TrainConfig } from './trainConfig.ts'

interface Preset {
  readonly description: string
  readonly values: Partially<TrainConfig>
}

/** EasyR1's `examples/config.yaml` beside its arithmetic: 512 prompts a step, four updates of 128; 15 epochs of Geometry3K are 60 steps. */
const easyR1 = {
  num_generations: 5,
  generation_batch_size: 2560,
  per_device_train_batch_size: 5,
  gradient_accumulation_steps: 128,
  max_steps: 60,
  max_prompt_length: 2048,
  max_completion_length: 2048,
  filter_overlong_prompts: true,
  min_pixels: 262_144,
  max_pixels: 4_194_304,
  format_prompt: 'easyr1-math',
  reward_funcs: ['math'],
  reward_weights: [1],
  learning_rate: 1e-6,
  weight_decay: 0.01,
  seed: 1,
  eval_steps: 5,
  eval_temperature: 0.6,
  eval_top_p: 0.95,
  save_steps: 5,
  save_total_limit: 3,
} as const

/** What the paper takes from EasyR1, with 8 rollouts, its own reward (eq. 22), its prompt before the question, and greedy evaluations. */
const paper = {
  ...easyR1,
  num_generations: 8,
  generation_batch_size: 4096,
  per_device_train_batch_size: 8,
  format_prompt: 'paper-thinking',
  reward_funcs: ['accuracy_reward', 'boxed_format_reward'],
  reward_weights: [0.9, 0.1],
  seed: 42,
  eval_temperature: 0,
  eval_top_p: 1,
} as const

/** TRL's GRPOConfig where it differs from ours, and its two rewards for reasoning. */
const trl = {
  generation_batch_size: 8,
  per_device_train_batch_size: 8,
  max_completion_length: 512,
  lr_scheduler_type: 'linear',
  masked_completions: 'counted',
  use_bias_correction_kl: true,
  reward_funcs: ['accuracy_reward', 'think_format_reward'],
  reward_weights: [1, 1],
  grader: 'math_verify',
} as const

/** verl's `examples/grpo_trainer/run_qwen2_5_vl-7b.sh`, which is EasyR1's set-up with shorter prompts and greedy validation. */
const verl = {
  ...easyR1,
  max_prompt_length: 1024,
  min_pixels: null,
  max_pixels: null,
  eval_temperature: 0,
  eval_top_p: 1,
  save_steps: 20,
  save_total_limit: null,
} as const

const demo: Preset = {
  description: 'The demonstration: 32 prompts x 8 rollouts, one on-policy update a step, minutes on a laptop.',
  values: {
    num_generations: 8,
    generation_batch_size: 256,
    per_device_train_batch_size: 256,
    max_steps: 60,
    max_completion_length: 32,
    learning_rate: 1e-4,
    adam_beta2: 0.95,
    warmup_steps: 5,
  },
}

const drGrpo: Preset = {
  description: "Dr. GRPO in TRL's words: centred rewards without a std, token sums over a fixed length, no KL.",
  values: { ...trl, ...coreValues('trl-dr-grpo') },
}

/** Named starting points; estimator, loss and penalty of each are core's preset of the same name. */
export const presets = {
  demo,
  'paper-grpo': {
    description: "The paper's Durian on GRPO: per-sequence token means, dual clip and a KL penalty.",
    values: { ...paper, ...coreValues('paper-grpo') },
  },
  'paper-dapo': {
    description:
      "The paper's Durian on DAPO: token mean over the batch, clip-higher, dual clip, dynamic sampling, no KL.",
    values: {
      ...paper,
      ...coreValues('paper-dapo'),
      dynamic_sampling: { enabled: true, max_resample_times: 3 },
    },
  },
  'easyr1-grpo': {
    description: "EasyR1's geo3k GRPO: token mean, clip 0.2 / 0.3, dual clip, clamped k3 penalty in the loss.",
    values: { ...easyR1, ...coreValues('easyr1-grpo') },
  },
  'easyr1-dapo': {
    description: "EasyR1's geo3k DAPO: clip-higher, no KL, prompts kept by mean reward, at most 20 rounds.",
    values: {
      ...easyR1,
      ...coreValues('easyr1-dapo'),
      dynamic_sampling: {
        enabled: true,
        filter: 'mean_reward',
        filter_key: 'overall',
        filter_low: 0.01,
        filter_high: 0.99,
        max_resample_times: 19,
      },
    },
  },
  'trl-grpo': {
    description: "TRL with loss_type grpo: per-prompt std with 1e-4 added, mean of each sequence's mean.",
    values: { ...trl, ...coreValues('trl-grpo') },
  },
  'trl-dapo': {
    description: "TRL's defaults: per-prompt std with 1e-4 added, DAPO's token mean, no KL.",
    values: { ...trl, ...coreValues('trl-dapo') },
  },
  'trl-dr-grpo': drGrpo,
  'dr-grpo': { ...drGrpo, description: 'Another name of trl-dr-grpo.' },
  'trl-cispo': {
    description: 'TRL with loss_type cispo: every token keeps a gradient, its weight is at most 5.',
    values: { ...trl, ...coreValues('trl-cispo') },
  },
  'verl-grpo': {
    description:
      "verl's GRPO: token mean, clip 0.2, dual clip, clamped k3 penalty of 0.001 (its geo3k script has 0.01).",
    values: { ...verl, ...coreValues('verl-grpo') },
  },
} satisfies Readonly<Record<string, Preset>>

export type PresetName = keyof typeof presets
export const presetNames = Object.keys(presets) as ReadonlyArray<PresetName>
