import { finite, flag, either, integer, listOf, nullOr, oneOf, text } from './codecs.ts'
import { estimatorFields, lossFields } from './lossFields.ts'
import { field, optionalSection, required, section } from './table.ts'

/**
 * Every key a training run knows: its codec, its default and one line about it. The codec, the defaults, `--help`,
 * docs/config.md and the JSON Schema are made from this table and from nothing else.
 */
export const trainFields = {
  model_name_or_path: required(
    text,
    "Folder of the policy to train, in the Hub's layout (config.json, safetensors, tokenizer).",
  ),
  from_scratch: field(
    flag,
    false,
    "Start from random weights instead of the folder's and make the cold start again (needs an sft section).",
  ),
  dataset: required(
    text,
    'Training rows: a parquet or JSONL file, or a folder of shards, with an optional @split (docs/data.md).',
  ),
  validation_dataset: field(nullOr(text), null, 'Rows for the evaluations during training; null = none.'),
  test_dataset: field(
    nullOr(text),
    null,
    'Rows for the evaluation before the first and after the last step; null = none.',
  ),
  columns: section('Which column of the data holds what; null = the usual names (docs/data.md).', {
    prompt: field(nullOr(text), null, 'Question or conversation; null = problem, else prompt.'),
    answer: field(nullOr(text), null, 'Gold answer; null = answer, beside a prompt column else solution.'),
    images: field(nullOr(text), null, 'Pictures; null = images, else image.'),
    solution: field(nullOr(text), null, 'Worked response for the cold start; null = solution.'),
    id: field(nullOr(text), null, "The row's name in messages and logs; null = id, else file#number."),
  }),
  system_prompt: field(
    nullOr(text),
    null,
    'Text of the system message of rows that bring none; null = as the chat template has it.',
  ),
  format_prompt: field(
    nullOr(text),
    null,
    "Jinja template of `content` that becomes the user's message: a file, as EasyR1's examples/format_prompt, the template itself, easyr1-math or paper-thinking; null = the question alone.",
  ),
  min_pixels: field(
    nullOr(integer({ min: 1 })),
    null,
    "Pictures are enlarged to at least this many pixels; null = as the model's preprocessor_config.json has it.",
  ),
  max_pixels: field(
    nullOr(integer({ min: 1 })),
    null,
    "Pictures are shrunk to at most this many pixels; null = as the model's preprocessor_config.json has it.",
  ),
  filter_overlong_prompts: field(
    flag,
    false,
    'Leave out and count rows whose prompt is longer than max_prompt_length, instead of refusing them.',
  ),
  on_bad_row: field(
    oneOf('fail', 'skip'),
    'fail',
    'A row that cannot be used: end with a sentence about it, or leave it out and count it.',
  ),
  output_dir: required(text, 'Run folder: config, logs, checkpoints, report.'),
  seed: field(integer({ min: 0, max: 2 ** 53 - 1 }), 42, 'Key of every random draw of the run.'),
  num_workers: field(
    integer({ min: 0, max: 64 }),
    0,
    'Threads that prepare pictures and prompts, check rewards and compute visual entropies; 0 = none beside the main one. Results do not depend on it.',
  ),
  backend: field(
    oneOf('auto', 'tensorflow', 'wasm', 'webgpu'),
    'auto',
    'Where tensors live; auto is tensorflow where it loads, else wasm.',
  ),
  wasm_threads: field(
    integer({ min: 1, max: 64 }),
    1,
    'Threads of the wasm backend, for cores that nothing else uses: 2 took 0.67 to 0.82 of the time of a training step, and on a busy machine up to 1.2 times that of 1 (docs/performance.md). Results do not depend on it.',
  ),
  precision: field(
    oneOf('float32', 'mixed'),
    'float32',
    'On webgpu, mixed keeps operands of products (weights, what linears read, keys and values) in float16 and adds them up in float32: less memory, log-probs off by about 1e-3 (docs/webgpu.md).',
  ),

  ...estimatorFields,

  ...lossFields,

  num_generations: field(integer({ min: 1 }), 8, 'Rollouts per prompt, G.'),
  generation_batch_size: field(integer({ min: 1 }), 256, 'Completions per rollout batch: prompts x num_generations.'),
  per_device_train_batch_size: field(integer({ min: 1 }), 256, 'Completions per micro-batch of the update.'),
  gradient_accumulation_steps: field(integer({ min: 1 }), 1, 'Micro-batches per optimiser step.'),
  gradient_checkpointing: field(
    flag,
    false,
    'Keep only what lies between layers and compute each layer again on the way back: less memory, slower updates.',
  ),
  num_iterations: field(integer({ min: 1 }), 1, 'Passes of the update over each rollout batch.'),
  max_steps: field(integer({ min: 0 }), 60, 'Rollout batches of the run (TRL counts optimiser steps).'),
  max_completion_length: field(integer({ min: 1 }), 32, 'Tokens a completion may have, end token included.'),
  max_prompt_length: field(
    nullOr(integer({ min: 1 })),
    null,
    'Longer prompts are an error at load time (or left out: filter_overlong_prompts); null = no limit.',
  ),
  temperature: field(finite({ above: 0 }), 1, 'Sampling temperature; log-probs are taken at it.'),
  top_p: field(finite({ above: 0, max: 1 }), 1, 'Nucleus of the draw; 1 = all tokens.'),
  top_k: field(integer({ min: 0 }), 0, 'Tokens kept for the draw; 0 = all.'),

  learning_rate: field(finite({ min: 0 }), 1e-6, 'Peak learning rate of AdamW.'),
  lr_scheduler_type: field(
    oneOf('constant', 'linear', 'cosine'),
    'constant',
    'Learning rate after the warm-up: held, or down to 0 on a line or a half cosine.',
  ),
  warmup_steps: field(integer({ min: 0 }), 0, 'Optimiser steps of linear warm-up.'),
  adam_beta1: field(finite({ min: 0, max: 0.9999999 }), 0.9, "Decay of AdamW's first moment."),
  adam_beta2: field(finite({ min: 0, max: 0.9999999 }), 0.999, "Decay of AdamW's second moment."),
  adam_epsilon: field(finite({ above: 0 }), 1e-8, "Added to AdamW's denominator."),
  weight_decay: field(finite({ min: 0 }), 0, 'Decoupled weight decay.'),
  max_grad_norm: field(finite({ above: 0 }), 1, 'Gradients are scaled down to this global norm.'),
  freeze_vision_tower: field(flag, false, 'Leave the vision encoder and its merger as they are.'),
  lora: optionalSection(
    'Low-rank adapters instead of the weights themselves (names of PEFT); null = train the weights.',
    {
      r: field(integer({ min: 1 }), 16, 'Rank of each adapter.'),
      lora_alpha: field(finite({ above: 0 }), 32, 'What an adapter adds is scaled by lora_alpha / r.'),
      lora_dropout: field(
        finite({ min: 0, max: 0.99 }),
        0,
        'Share of the inputs of each adapter that an update leaves out; sampling and old log-probs leave out none.',
      ),
      target_modules: field(
        either(text, listOf(text)),
        'all-linear',
        'Linears that get an adapter: all-linear, a list of last parts of their names, or one regular expression of whole names.',
      ),
      exclude_modules: field(
        nullOr(either(text, listOf(text))),
        '.*visual.*',
        'Linears that get none, as target_modules; the vision encoder by default, null = none of them.',
      ),
      use_rslora: field(flag, false, 'Scale by lora_alpha / sqrt(r) instead.'),
      adapter_name_or_path: field(
        nullOr(text),
        null,
        'Folder of a PEFT adapter to start from; its own r, lora_alpha and modules then hold. null = fresh adapters, which change nothing yet.',
      ),
    },
  ),
  base_weights: field(
    oneOf('resident', 'streamed'),
    'resident',
    'With lora, where the frozen weights are: on the device in float32, or on the host as base_dtype and widened layer by layer when needed (needs gradient_checkpointing).',
  ),
  base_dtype: field(
    oneOf('auto', 'float32', 'bfloat16', 'float16'),
    'auto',
    'How streamed weights lie on the host; auto = as in their file.',
  ),

  reward_funcs: field(
    listOf(text),
    ['accuracy_reward', 'boxed_format_reward'],
    'Reward functions: names of built-in ones, or files as ./my-reward.mjs or ./my-reward.mjs#name (docs/rewards.md).',
  ),
  reward_weights: field(listOf(finite()), [0.9, 0.1], 'One weight per reward function (paper, eq. 22).'),
  grader: field(
    oneOf('mathruler', 'math_verify', 'exact'),
    'mathruler',
    "How accuracy_reward and math compare answers: as EasyR1's MathRuler, as Math-Verify, or by exact arithmetic (docs/rewards.md).",
  ),
  reward_timeout: field(
    finite({ above: 0, max: 86_400 }),
    10,
    'Seconds one completion may keep a reward function in a worker or in a file of yours; then it is stopped and has no verdict.',
  ),
  soft_overlong: section("DAPO's punishment of completions near the length limit.", {
    enabled: field(flag, false, 'Add it to the reward.'),
    soft_punish_cache: field(
      integer({ min: 1 }),
      8,
      'Tokens before max_completion_length over which the punishment falls from 0 to -1.',
    ),
    weight: field(finite({ min: 0 }), 1, 'Factor on the punishment.'),
  }),
  mask_truncated_completions: field(flag, false, 'Leave completions without an end token out of the loss.'),
  masked_completions: field(
    oneOf('left-out', 'counted'),
    'left-out',
    'Whether a completion without loss (truncated, or without a reward) still counts among the sequences the loss is divided by: left-out in verl, counted in TRL.',
  ),
  dynamic_sampling: section("DAPO's dynamic sampling: draw other prompts for those that teach nothing.", {
    enabled: field(flag, false, 'Turn it on.'),
    filter: field(
      oneOf('spread', 'mean_reward'),
      'spread',
      'Which prompts are kept: those whose rollouts differ in reward, or those whose mean reward lies between filter_low and filter_high (EasyR1).',
    ),
    filter_key: field(text, 'overall', 'The reward that is looked at: overall, or one of reward_funcs.'),
    filter_low: field(finite(), 0.01, 'Prompts with a mean reward of at most this are dropped (filter mean_reward).'),
    filter_high: field(finite(), 0.99, 'Prompts with a mean reward of at least this are dropped (filter mean_reward).'),
    max_resample_times: field(integer({ min: 1 }), 3, 'Extra rounds at most; then the step goes on with what it has.'),
  }),

  logging_steps: field(integer({ min: 1 }), 1, 'Steps between lines on the console (metrics.jsonl has every step).'),
  eval_steps: field(integer({ min: 1 }), 20, 'Steps between evaluations on validation_dataset.'),
  eval_samples: field(
    nullOr(integer({ min: 1 })),
    null,
    'Rows of validation_dataset used, from the first; null = all.',
  ),
  eval_temperature: field(
    finite({ min: 0 }),
    0,
    'Temperature of the evaluations on validation_dataset, one draw a row; 0 = greedy. test_dataset is always greedy.',
  ),
  eval_top_p: field(finite({ above: 0, max: 1 }), 1, 'Nucleus of those draws; 1 = all tokens.'),
  save_steps: field(integer({ min: 1 }), 20, 'Steps between checkpoints; the last step is always saved.'),
  save_total_limit: field(nullOr(integer({ min: 1 })), 2, 'Checkpoints kept, newest first; null = all.'),
  num_completions_to_log: field(
    nullOr(integer({ min: 1 })),
    null,
    'Prompts per step written to completions.jsonl with their rollouts; null = all.',
  ),

  sft: optionalSection('Supervised cold start before the reinforcement learning; null = none.', {
    when: field(
      oneOf('always', 'from_scratch'),
      'always',
      'always: also on a folder that has weights; from_scratch: only with from_scratch.',
    ),
    dataset: field(nullOr(text), null, 'Rows with a solution column; null = dataset.'),
    batch_size: field(integer({ min: 1 }), 64, 'Rows per step.'),
    learning_rate: field(finite({ above: 0 }), 3e-3, 'Peak learning rate of AdamW.'),
    adam_beta1: field(finite({ min: 0, max: 0.9999999 }), 0.9, "Decay of AdamW's first moment."),
    adam_beta2: field(finite({ min: 0, max: 0.9999999 }), 0.98, "Decay of AdamW's second moment."),
    weight_decay: field(finite({ min: 0 }), 0.01, 'Decoupled weight decay.'),
    warmup_steps: field(integer({ min: 0 }), 20, 'Steps of linear warm-up.'),
    max_steps: field(integer({ min: 0 }), 800, 'Steps at most, whatever the accuracy.'),
    check_every: field(integer({ min: 1 }), 20, 'Steps between measurements of sampled accuracy.'),
    check_from: field(integer({ min: 0 }), 100, 'First step that is measured.'),
    check_samples: field(integer({ min: 1 }), 128, 'Prompts per measurement, one sample each.'),
    target_accuracy: field(finite({ above: 0, max: 1 }), 0.33, 'Sampled accuracy that ends the first part.'),
    decay_steps: field(integer({ min: 0 }), 40, 'Steps in which the learning rate then falls to 5 %.'),
    habit_steps: field(integer({ min: 0 }), 40, 'Last steps that teach the habit of short answers; 0 = none.'),
    habit_learning_rate: field(finite({ above: 0 }), 5e-4, 'Peak learning rate of those steps.'),
    habit_direct_share: field(
      finite({ min: 0, max: 1 }),
      0.5,
      'Share of rows answered without a thought in those steps.',
    ),
  }),

  resume: field(
    either(oneOf<'auto' | false>('auto', false), text),
    'auto',
    "Continue from output_dir's newest checkpoint if there is one (auto), from a checkpoint folder, or never (false).",
  ),
  dry_run: field(flag, false, 'Check everything, print the batch arithmetic, train nothing.'),
} as const
