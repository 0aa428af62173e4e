import { sum } from '../num/stats.ts'
import type { Vec } from '../num/vec.ts'
import { ShapeError } from '../ops/shape.ts'
import type { RewardGroups } from '../durian/rewards.ts'
import { easyR1KlClamp, type KlClamp, type KlEstimator } from './kl.ts'

/**
 * `klEstimate` on the host: the estimate at each token drawn from pi, nats, in float64.
 *
 * @param logprob - ln pi, [T]
 * @param refLogprob - ln pi_ref of the same tokens, [T]
 * @throws ShapeError when the lengths differ
 */
export const tokenKl = (
  logprob: Vec,
  refLogprob: Vec,
  { estimator = 'k3', clamp }: { readonly estimator?: KlEstimator; readonly clamp?: KlClamp } = {},
): Float64Array => {
  if (logprob.length !== refLogprob.length)
    throw new ShapeError(`${refLogprob.length} reference log-probs for ${logprob.length} tokens`)
  return Float64Array.from(logprob, (own, t) => {
    const d = limited(refLogprob[t]! - own, clamp?.difference)
    return limited(estimates[estimator](d), clamp?.estimate)
  })
}

const limited = (x: number, limit = Infinity): number => Math.min(Math.max(x, -limit), limit)

const estimates: Readonly<Record<KlEstimator, (d: number) => number>> = {
  k1: (d) => -d,
  k2: (d) => (d * d) / 2,
  k3: (d) => Math.expm1(d) - d,
  abs: Math.abs,
}

export interface KlInReward {
  readonly rewards: RewardGroups
  /** ln pi of each rollout's tokens under the policy that drew them, [B][G][T], nats. */
  readonly logprobs: ReadonlyArray<ReadonlyArray<Vec>>
  /** ln pi_ref of the same tokens. */
  readonly refLogprobs: ReadonlyArray<ReadonlyArray<Vec>>
  /** beta >= 0, reward units a nat. */
  readonly coefficient: number
  /** Default k1, as in EasyR1 and verl. */
  readonly estimator?: KlEstimator
}

/**
 * Rewards less the KL penalty of their rollouts, instead of a penalty in the loss.
 *
 *   r[s,i] - beta sum_t KL_t       (EasyR1@b44b311 `compute_rewards`, verl@v0.8.0 `apply_kl_penalty`)
 *
 * Both subtract it token by token and then add up the tokens of a rollout, which for the outcome estimators is this
 * (REINFORCE++ there gives each token what is left of the penalty after it). k3 has EasyR1's and verl's clamp.
 *
 * @returns null where the reward is
 * @throws ShapeError when the log-probs do not fit the rewards
 */
export const klInReward = ({
  rewards,
  logprobs,
  refLogprobs,
  coefficient,
  estimator = 'k1',
}: KlInReward): RewardGroups =>
  rewards.map((group, s) => {
    const [own, reference] = [logprobs[s] ?? [], refLogprobs[s] ?? []]
    if (own.length !== group.length || reference.length !== group.length)
      throw new ShapeError(
        `group ${s} has ${group.length} rewards, ${own.length} log-probs and ${reference.length} of the reference`,
      )
    const options = { estimator, ...(estimator === 'k3' ? { clamp: easyR1KlClamp } : {}) }
    return group.map((reward, i) =>
      reward === null ? null : reward - coefficient * sum(tokenKl(own[i]!, reference[i]!, options)),
    )
  })

/** How the coefficient of a KL penalty follows the divergence; verl's defaults are 0.1 nats and 10,000. */
export interface KlTarget {
  /** Divergence to hold, nats a token. */
  readonly target: number
  /** Rollouts over which the coefficient changes by a factor of e where the error stays at 1. */
  readonly horizon: number
}

/**
 * The coefficient of the next step (Ziegler et al. 2019; `EasyR1@b44b311 verl/trainer/core_algos.py#L47-L61`): the whole state of the adaptive
 * controller is this one number, so a checkpoint that holds it resumes exactly. A fixed coefficient needs no controller.
 *
 *   beta (1 + clip(KL / target - 1, -0.2, 0.2) n / horizon)
 *
 * @param observed - mean KL of the step, nats a token, and the number of its rollouts, n
 * @throws RangeError when target or horizon is not positive
 */
export const adaptedKlCoefficient =
  ({ target, horizon }: KlTarget) =>
  (coefficient: number, observed: { readonly kl: number; readonly rollouts: number }): number => {
    if (!(target > 0 && horizon > 0))
      throw new RangeError(`KL target ${target} and horizon ${horizon} must be positive`)
    const error = limited(observed.kl / target - 1, 0.2)
    return coefficient * (1 + (error * observed.rollouts) / horizon)
  }
