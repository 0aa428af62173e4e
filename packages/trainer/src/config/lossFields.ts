import { estimatorNames, lossTypes, rewardEstimatorNames } from '@durian/core'
import { finite, flag, integer, nullOr, oneOf, pairOf, tripleOf } from './codecs.ts'
import { field, section } from './table.ts'

/** How rewards become advantages. */
export const estimatorFields = {
  estimator: field(
    oneOf(...estimatorNames),
    'durian',
    "How rewards become advantages: difficulty-shared std, each prompt's std, no std, the batch's std, leave-one-out, the raw reward, best against second best, REINFORCE++ and its baseline variant, or each reward normalised by itself (core's README has the formulas).",
  ),
  std_epsilon: field(finite({ min: 0 }), 1e-6, 'Added to every std that divides a centred reward.'),
  std_variance_epsilon: field(
    finite({ min: 0 }),
    0,
    'Added to its square inside the root; the whitening of EasyR1 and verl has 1e-8 here and std_epsilon 0.',
  ),
  std_floor: field(finite({ min: 0 }), 0, "Least std to divide by; verl's vectorised GRPO has 1e-3."),
  ddof: field(oneOf(0, 1), 1, 'Divisor n - ddof of every std: 1 = sample std, 0 = population std.'),
  reinforce_over: field(
    oneOf('tokens', 'rollouts'),
    'tokens',
    'What the batch mean and std of the REINFORCE++ estimators are taken over: a rollout weighs its tokens (EasyR1, verl), or all weigh alike.',
  ),
  durian: section('Difficulty-aware group normalisation (used when estimator = durian, and logged always).', {
    weights: field(
      tripleOf(finite({ min: 0 })),
      [0.1, 0.2, 0.7],
      'Weights of the group, perceptual and reasoning advantage (paper, eq. 20).',
    ),
    perceptual_quantiles: field(
      pairOf(finite({ min: 0, max: 1 })),
      [0.25, 0.75],
      'Quantiles of visual entropy that separate easy, middle and hard pictures (eq. 10).',
    ),
    reasoning_groups: field(integer({ min: 1 }), 12, 'Number of confidence quantile groups, b (eq. 16).'),
    confidence: field(
      oneOf('sequence-sum', 'token-mean'),
      'sequence-sum',
      "A rollout's confidence: sum (eq. 14) or mean of its token log-probs.",
    ),
    features: field(
      oneOf('merged', 'patches'),
      'merged',
      'Picture features behind the visual entropy: after or before the patch merger.',
    ),
    base: field(
      oneOf(...rewardEstimatorNames),
      'grpo',
      'Estimator whose numerators are divided by the shared stds, and the first of the three components; grpo is the paper.',
    ),
    difficulty: field(
      oneOf('confidence', 'accuracy'),
      'confidence',
      "What sorts prompts into reasoning groups: the policy's confidence (the paper) or the share of right rollouts (ours).",
    ),
    shrinkage: field(
      finite({ min: 0 }),
      0,
      "Rollouts that the batch's std is worth beside a bucket's own; 0 = the bucket's alone (the paper; more is ours).",
    ),
    window: field(
      integer({ min: 0 }),
      0,
      'Earlier steps whose scores count when a batch is cut into buckets; 0 = the batch alone (the paper; more is ours).',
    ),
  }),
}

/** How advantages become a loss. */
export const lossFields = {
  loss_type: field(
    oneOf(...lossTypes),
    'dapo',
    'Surrogate and aggregation: dapo and bnpo token mean over the update batch, grpo mean of per-sequence means, dr_grpo sum / fixed length, cispo clipped weights, gspo and gspo_token and luspo ratios of whole sequences, sapo a soft gate, policy_gradient no ratio.',
  ),
  loss_aggregation: field(
    nullOr(oneOf('sequence-mean', 'token-mean', 'sequence-sum', 'fixed-length')),
    null,
    'How token losses become one number, whatever the surrogate; null = as loss_type has it. All divide by the whole update batch.',
  ),
  importance_sampling_level: field(
    nullOr(oneOf('token', 'sequence', 'sequence_token')),
    null,
    'What a probability ratio is taken over; null = as loss_type has it (token, for gspo sequence, for gspo_token sequence_token).',
  ),
  epsilon: field(finite({ above: 0 }), 0.2, 'Lower clip range of the probability ratio: 1 - epsilon.'),
  epsilon_high: field(
    nullOr(finite({ above: 0 })),
    null,
    'Upper clip range: 1 + epsilon_high; null = epsilon. For cispo it is the largest weight itself (TRL advises 5).',
  ),
  clip_ratio_c: field(
    nullOr(finite({ above: 1 })),
    null,
    'Dual clip: with a negative advantage A the objective is at least clip_ratio_c A. 3 in EasyR1 and verl; null = none, as in TRL.',
  ),
  delta: field(
    nullOr(finite({ above: 1 })),
    null,
    'Two-sided clip of TRL: the ratio itself counts up to delta, for either sign of the advantage; null = none.',
  ),
  cispo_min: field(
    finite({ min: 0 }),
    0,
    'Least weight of a token with cispo; 0 = none (TRL), 1 - clip_ratio_low in EasyR1.',
  ),
  sapo_temperature_pos: field(finite({ above: 0 }), 1, "Temperature of sapo's gate where the advantage is positive."),
  sapo_temperature_neg: field(finite({ above: 0 }), 1.05, "Temperature of sapo's gate where it is negative."),
  beta: field(finite({ min: 0 }), 0, 'Weight of the KL penalty to the starting policy; 0 = no reference policy.'),
  kl: section('The KL penalty (used with beta > 0).', {
    placement: field(
      oneOf('loss', 'reward'),
      'loss',
      'Added to the loss token by token, or taken from the reward of each rollout before advantages are computed.',
    ),
    estimator: field(
      nullOr(oneOf('k1', 'k2', 'k3', 'abs', 'k1+', 'k3+', 'abs+')),
      null,
      "Schulman's estimators or |d|; with + the value is that one's and the gradient k2's. null = k3 in the loss, k1 in the reward.",
    ),
    clamp: field(
      nullOr(pairOf(finite({ above: 0 }))),
      null,
      'Limits of |log-ratio| and |estimate| in the loss, [20, 10] in EasyR1 and verl; null = none. In the reward k3 always has those.',
    ),
    target: field(
      nullOr(finite({ above: 0 })),
      null,
      'Divergence to hold, nats per token, by changing beta after each step; null = beta is fixed.',
    ),
    horizon: field(
      finite({ above: 0 }),
      10_000,
      'Rollouts over which that beta changes by a factor of e where the error stays 1.',
    ),
  }),
  use_bias_correction_kl: field(
    flag,
    false,
    'Multiply the KL estimate by the probability ratio, which keeps it unbiased after the first update (DeepSeek-V3.2; true in TRL).',
  ),
  entropy_coef: field(
    finite(),
    0,
    "Weight of the tokens' entropy in the objective; above 0 the update holds all logits of a micro-batch.",
  ),
  top_entropy_quantile: field(
    finite({ min: 0, max: 1 }),
    1,
    "Share of the update batch's tokens, the most undecided ones, that keep a policy gradient; 1 = all, the 80/20 rule is 0.2.",
  ),
  off_policy_mask_threshold: field(
    nullOr(finite({ above: 0 })),
    null,
    'Leaves rollouts with a negative advantage out once the policy has moved this many nats per token away from them; null = none, 0.5 to begin with.',
  ),
}
