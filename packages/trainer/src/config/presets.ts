import type { TrainConfig } from './trainConfig.ts'

type Partially<A> =
  A extends ReadonlyArray<unknown> ? A : A extends object ? { readonly [K in keyof A]?: Partially<A[K]> } : A

interface Preset {
  readonly description: string
  readonly values: Partially<TrainConfig>
}

/** What the paper takes from EasyR1 and both of its settings share: 512 prompts x 8 a step, four updates of 128 prompts. */
const paper = {
  estimator: 'durian',
  num_generations: 8,
  generation_batch_size: 4096,
  per_device_train_batch_size: 8,
  gradient_accumulation_steps: 128,
  max_steps: 60,
  max_prompt_length: 2048,
  max_completion_length: 2048,
  learning_rate: 1e-6,
  weight_decay: 0.01,
} as const

/** TRL's GRPOConfig where it differs from ours. */
const trl = {
  std_epsilon: 1e-4,
  generation_batch_size: 8,
  per_device_train_batch_size: 8,
  max_completion_length: 512,
  lr_scheduler_type: 'linear',
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

/** Named starting points. Only those whose every feature exists here are offered; `missingPresets` says why others are not. */
export const presets = {
  demo,
  'paper-grpo': {
    description: "The paper's Durian on GRPO: per-sequence token means and a KL penalty.",
    values: { ...paper, loss_type: 'grpo', beta: 0.01 },
  },
  'paper-dapo': {
    description: "The paper's Durian on DAPO: token mean over the batch, clip-higher, dynamic sampling, no KL.",
    values: {
      ...paper,
      loss_type: 'dapo',
      epsilon_high: 0.28,
      dynamic_sampling: { enabled: true, max_resample_times: 3 },
    },
  },
  'trl-dapo': {
    description: "TRL's defaults: per-prompt std with 1e-4 added, DAPO's token mean, no KL.",
    values: { ...trl, estimator: 'grpo', loss_type: 'dapo' },
  },
  'dr-grpo': {
    description: 'Dr. GRPO: centred rewards without a std, sum over a fixed length, no KL.',
    values: { ...trl, estimator: 'dr_grpo', loss_type: 'dr_grpo' },
  },
} satisfies Readonly<Record<string, Preset>>

export type PresetName = keyof typeof presets
export const presetNames = Object.keys(presets) as ReadonlyArray<PresetName>

export const missingPresets: Readonly<Record<string, string>> = {
  'easyr1-grpo': 'needs dual clipping, which is not here yet; paper-grpo is nearest',
  'easyr1-dapo': 'needs dual clipping and filtering by mean reward, which are not here yet; paper-dapo is nearest',
}
