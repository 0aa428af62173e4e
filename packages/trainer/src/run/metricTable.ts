/** One row of docs/metrics.md. `<…>` in a name stands for a word or a number. */
export interface MetricRow {
  readonly name: string
  readonly unit: string
  /** How it is computed, over which rows. */
  readonly formula: string
  /** What a healthy run shows, and what another value means. */
  readonly healthy: string
}

const row = (name: string, unit: string, formula: string, healthy: string): MetricRow => ({
  name,
  unit,
  formula,
  healthy,
})

/** Every key of metrics.jsonl: TRL's names for what TRL has, EasyR1's for `timing_s/*` and `perf/*`, ours under `durian/*`. */
export const metricTable: ReadonlyArray<MetricRow> = [
  row('step', 'rollout batches', 'number of the step, from 1; 0 is before training', 'rises by 1'),
  row(
    'loss',
    'reward units',
    "the loss of `loss_type`, mean over the step's optimiser steps",
    'small, and no measure of progress: on policy it is minus the mean advantage of the tokens',
  ),
  row(
    'grad_norm',
    '-',
    'global L2 norm of the gradient before clipping',
    'steady; 0 means no group had spread, a rise of 10x is a warning',
  ),
  row('learning_rate', '-', 'of the last optimiser step', 'as configured'),
  row('num_tokens', 'tokens', 'prompt and completion tokens since the start of the run', 'rises'),
  row('step_time', 's', 'wall time of the step', 'steady'),
  row('reward', 'reward units', 'mean over all scored rollouts', 'rises'),
  row(
    'reward_std',
    'reward units',
    "mean over groups of the group's sample std",
    'above 0; falls as the policy becomes sure',
  ),
  row('rewards/<function>/mean', 'reward units', 'mean of one reward function over all rollouts', 'rises'),
  row('rewards/<function>/std', 'reward units', 'sample std of one reward function over all rollouts', 'above 0'),
  row(
    'frac_reward_zero_std',
    'share of groups',
    'groups whose scored rollouts all have one reward',
    'below 0.5; near 1 nothing is learnt',
  ),
  row('completions/mean_length', 'tokens', 'mean over completions, end token included', 'below max_completion_length'),
  row('completions/min_length', 'tokens', 'least', 'above 1'),
  row('completions/max_length', 'tokens', 'greatest', 'max_completion_length is reached now and then'),
  row('completions/mean_terminated_length', 'tokens', 'mean over completions with an end token', 'near mean_length'),
  row(
    'completions/clipped_ratio',
    'share of completions',
    'completions cut off at max_completion_length',
    'below 0.1; else raise the limit',
  ),
  row(
    'entropy',
    'nats per token',
    'mean entropy of the full token distribution at the sampling temperature',
    'falls slowly; near 0 the policy no longer explores',
  ),
  row(
    'kl',
    'nats per token',
    'estimate of KL(policy || starting policy) by kl.estimator, mean over tokens; only with beta > 0',
    'below 0.1',
  ),
  row('kl_coef', '-', 'weight of the KL penalty in this step; only with beta > 0', 'beta; drifts with kl.target'),
  row(
    'durian/token_weight_mean',
    '-',
    'what masks leave of the policy gradient, mean over tokens; only with top_entropy_quantile or off_policy_mask_threshold',
    'top_entropy_quantile; near 1 with the off-policy mask',
  ),
  row(
    'clip_ratio/region_mean',
    'share of tokens',
    'tokens whose ratio the clip holds back',
    '0 with one update per batch; below 0.2',
  ),
  row('clip_ratio/low_mean', 'share of tokens', 'held back at 1 - epsilon (negative advantage)', 'as region_mean'),
  row(
    'clip_ratio/high_mean',
    'share of tokens',
    'held back at 1 + epsilon_high (positive advantage)',
    'as region_mean',
  ),
  row(
    'durian/ratio_mean',
    '-',
    'mean probability ratio of policy to old policy over tokens',
    'near 1; exactly 1 with one update per batch',
  ),
  row(
    'sampling/sampling_logp_difference/mean',
    'nats',
    'mean |log-prob while sampling - log-prob in the training forward| over tokens',
    'below 1e-5',
  ),
  row(
    'sampling/sampling_logp_difference/max',
    'nats',
    'greatest over tokens',
    'below 1e-4; above, cache and forward disagree',
  ),
  row(
    'sampling/excluded_mass',
    'probability',
    'mass that bans, top-k and top-p took away, mean over tokens',
    'below 0.01 without top-k and top-p',
  ),
  row(
    'durian/prompts_drawn',
    'prompts',
    'prompts sampled for the step, those that dynamic sampling dropped included',
    'the batch; more with dynamic sampling when the data are too easy or too hard',
  ),
  row(
    'durian/rows_skipped',
    'rows',
    'rows among them that could not be used and were passed over (`on_bad_row: skip`); absent when there were none',
    'absent',
  ),
  row(
    'durian/rollouts_unscored',
    'share of rollouts',
    'rollouts without a reward, because a function had no verdict or was stopped after reward_timeout; absent when there are none',
    'absent',
  ),
  row(
    'durian/dropped/<reason>',
    'prompts',
    'drawn and dropped by dynamic sampling: constant (equal rewards), unscored, outside (mean reward out of range)',
    'constant below the batch; else the data are too easy or too hard',
  ),
  row(
    'timing_s/<phase>',
    's',
    'wall time of gen (sampling), reward, ref (KL in the reward), entropy (visual), update_actor, testing, save_checkpoint, step',
    'gen and update_actor dominate',
  ),
  row('perf/throughput', 'tokens per s', 'tokens of the step / step_time', 'steady'),
  row(
    'durian/perceptual/mean',
    'nats',
    'mean visual entropy of the prompts with a picture (paper, eq. 9)',
    'steady for one data set',
  ),
  row('durian/perceptual/edge_low', 'nats', "lower of the batch's two quantiles (eq. 10)", 'steady'),
  row('durian/perceptual/edge_high', 'nats', "upper of the batch's two quantiles (eq. 10)", 'above edge_low'),
  row(
    'durian/perceptual/bucket_<b>/count',
    'prompts',
    'prompts in bucket b: 0 = low, 1 = middle, 2 = high entropy',
    'about 1/4, 1/2, 1/4',
  ),
  row(
    'durian/perceptual/bucket_<b>/std',
    'reward units',
    "std of all rewards of the bucket (eq. 12); the divisor of its prompts' advantages",
    'near the std of the whole batch',
  ),
  row(
    'durian/perceptual/bucket_<b>/accuracy',
    'share',
    'mean accuracy of its rollouts',
    'falls from 0 to 2 where entropy means difficulty',
  ),
  row('durian/reasoning/mean', 'nats', 'mean confidence of the prompts (eq. 15)', 'rises (less negative)'),
  row('durian/reasoning/edge_<u>', 'nats', 'interior edge u between confidence groups (eq. 16)', 'rises with u'),
  row(
    'durian/reasoning/bucket_<u>/count',
    'prompts',
    'prompts in confidence group u, 0 = least confident',
    'about prompts / reasoning_groups',
  ),
  row(
    'durian/reasoning/bucket_<u>/std',
    'reward units',
    'std of all rewards of the group (eq. 18)',
    'lower at both ends',
  ),
  row('durian/reasoning/bucket_<u>/accuracy', 'share', 'mean accuracy of its rollouts', 'rises with u'),
  row(
    'durian/groups/all_right',
    'share of groups',
    'every rollout right, equal rewards: no gradient',
    'rises towards the end',
  ),
  row('durian/groups/all_wrong', 'share of groups', 'every rollout wrong, equal rewards: no gradient', 'falls'),
  row(
    'durian/groups/constant_other',
    'share of groups',
    'equal rewards, right and wrong mixed: no gradient',
    '0 with an accuracy reward',
  ),
  row(
    'durian/groups/shaping_only',
    'share of groups',
    'all right or all wrong, rewards differ through other terms (format)',
    'small; else the format reward leads',
  ),
  row('durian/groups/one_wrong', 'share of groups', 'all but one rollout right', '-'),
  row('durian/groups/one_right', 'share of groups', 'all but one rollout wrong', '-'),
  row(
    'durian/groups/mixed',
    'share of groups',
    'two or more rollouts on both sides',
    'large: here GRPO is at its best',
  ),
  row('durian/groups/unscored', 'share of groups', 'no rollout could be scored', '0'),
  row(
    'durian/effective_share/<estimator>',
    'share of groups',
    "(sum m)^2 / (B sum m^2) over the groups' update masses m",
    'near the share of groups with a gradient',
  ),
  row(
    'durian/mass/<estimator>/<kind>',
    'share',
    'part of sum |advantage| that the groups of this kind would have under this estimator',
    'near their share of the groups with a gradient',
  ),
  row('eval_accuracy', 'share', 'accuracy on validation_dataset, greedy or at eval_temperature', 'rises'),
  row('eval_accuracy_low', 'share', 'lower end of its 95 % bootstrap interval', '-'),
  row('eval_accuracy_high', 'share', 'upper end of its 95 % bootstrap interval', '-'),
  row('eval_format', 'share', 'of those responses in the asked-for format', 'near 1'),
  row('eval_mean_length', 'tokens', 'mean length of those responses', 'below max_completion_length'),
]

const pattern = (name: string): RegExp =>
  new RegExp(
    `^${name
      .split(/<[^>]+>/)
      .map((part) => part.replace(/[/.]/g, '\\$&'))
      .join('[^/]+')}$`,
  )
const patterns = metricTable.map((entry) => [pattern(entry.name), entry] as const)

/** The row that describes a key of metrics.jsonl; undefined when none does. */
export const metricRow = (key: string): MetricRow | undefined => patterns.find(([matches]) => matches.test(key))?.[1]

/** Keys that the table does not describe: empty for every run of this version. */
export const undocumentedMetrics = (keys: Iterable<string>): ReadonlyArray<string> =>
  [...new Set(keys)].filter((key) => metricRow(key) === undefined)

/** docs/metrics.md. */
export const metricsMarkdown =
  (): string => `<!-- Made from packages/trainer/src/run/metricTable.ts; a test keeps it true. -->

# Metrics

A run writes one line a step to \`metrics.jsonl\` and the same numbers to TensorBoard. Only \`step_time\`, \`timing_s/*\`
and \`perf/*\` depend on the clock: everything else is byte-equal for the same seed, backend, thread count and kind of
machine. A key is left out of a line where there is nothing to measure.

Logs are natural, so entropies and log-probs are in nats. A *group* is one prompt's rollouts. Its *update mass* is the sum of
the absolute advantages of its rollouts: how hard it pulls on the policy.

| key | unit | what it is | healthy |
| --- | --- | --- | --- |
${metricTable.map(({ name, unit, formula, healthy }) => `| ${[`\`${name}\``, unit, formula, healthy].map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}
`
