import { scale } from '../ops/derived.ts'
import { ShapeError } from '../ops/shape.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import { tokenMean, type Aggregate } from './aggregate.ts'
import { klEstimate, type KlOptions } from './kl.ts'
import { probabilityRatio } from './ratio.ts'
import type { Surrogate, SurrogateTerms } from './surrogate.ts'
import type { BatchTotals, TokenBatch } from './tokenBatch.ts'
import type { TokenWeight } from './tokenWeight.ts'

export interface PolicyLossOptions {
  readonly surrogate: Surrogate
  readonly aggregate: Aggregate
  /** Penalty beta * KL(pi || pi_ref), aggregated as the surrogate is. None if left out or beta is 0. */
  readonly kl?: KlOptions & { readonly beta: number }
  /** Weight of the batch's `entropy`, aggregated as the surrogate is and added to the objective. Default 0. */
  readonly entropyCoefficient?: number
  /** Factors of the surrogate for each token: masks, importance weights. None if left out. */
  readonly weights?: ReadonlyArray<TokenWeight>
}

/**
 * What a step wants to log, [] each and without gradient: sums over this micro-batch divided by the whole batch's
 * totals, so the numbers of the micro-batches add up as the loss does. All but `surrogate` are means over tokens. (A type and no interface, so that it is a `Tree`.)
 */
export type PolicyLossStatistics<T> = {
  /** The loss without KL and entropy. */
  readonly surrogate: T
  /** rho = pi / pi_old; 1 on policy. */
  readonly ratio: T
  /** ln pi_old - ln pi, nats: EasyR1's `ppo_kl`. */
  readonly oldKl: T
  /** Fraction of tokens whose gradient the lower bound took (advantage < 0): TRL's `clip_ratio/low_mean`. */
  readonly clipLow: T
  /** Fraction of tokens whose gradient the upper bound took (advantage > 0): TRL's `clip_ratio/high_mean`. */
  readonly clipHigh: T
  /** Product of the `weights`, 1 where nothing is taken away; present where there are any. */
  readonly weight?: T
  /** KL estimate, nats; present where the batch has `refLogprob`. */
  readonly kl?: T
  /** Nats; present where the batch has `entropy`. */
  readonly entropy?: T
}

export type PolicyLossValue<T> = {
  /** To minimise, []. */
  readonly value: T
  readonly aux: PolicyLossStatistics<T>
}

/**
 * The loss of one micro-batch.
 *
 *   -aggregate(weights surrogate) + beta aggregate(KL) - c aggregate(entropy)              (paper, eq. 2 and 4)
 *
 * Nothing is read from the device: the statistics come back as tensors.
 *
 * @throws ShapeError when the KL penalty or the entropy bonus has a weight and the batch lacks `refLogprob` or `entropy`
 */
export const policyLoss =
  (options: PolicyLossOptions) =>
  <T>(ops: TensorOps<T>, totals: BatchTotals) =>
  (batch: TokenBatch<T>): PolicyLossValue<T> => {
    const { surrogate, aggregate, kl, entropyCoefficient = 0, weights = [] } = options
    const beta = kl?.beta ?? 0
    const reduce = (x: T): T => aggregate(ops, x, batch.mask, totals)

    const terms = surrogate(ops, batch)
    const [first, ...others] = weights.map((weight) => weight(ops, batch))
    const weight = first === undefined ? undefined : others.reduce(ops.mul, first)
    const surrogateLoss = ops.neg(reduce(weight === undefined ? terms.objective : ops.mul(terms.objective, weight)))
    const divergence = batch.refLogprob && divergenceOf(ops, batch, batch.refLogprob, kl)
    const penalty = beta === 0 ? [] : [scale(ops, reduce(required(divergence, 'refLogprob', 'KL penalty')), beta)]
    const bonus =
      entropyCoefficient === 0
        ? []
        : [scale(ops, reduce(required(batch.entropy, 'entropy', 'entropy bonus')), -entropyCoefficient)]
    return {
      value: [...penalty, ...bonus].reduce(ops.add, surrogateLoss),
      aux: statistics(ops, { batch, totals, terms, surrogateLoss, divergence, weight }),
    }
  }

interface Observed<T> {
  readonly batch: TokenBatch<T>
  readonly totals: BatchTotals
  readonly terms: SurrogateTerms<T>
  readonly surrogateLoss: T
  readonly divergence: T | undefined
  readonly weight: T | undefined
}

const divergenceOf = <T>(ops: TensorOps<T>, batch: TokenBatch<T>, refLogprob: T, options: KlOptions = {}): T => {
  const estimate = klEstimate(ops, batch.logprob, refLogprob, options)
  return options.weightedBy === undefined
    ? estimate
    : ops.mul(estimate, probabilityRatio(ops, batch, options.weightedBy))
}

const statistics = <T>(ops: TensorOps<T>, observed: Observed<T>): PolicyLossStatistics<T> => {
  const { batch, totals, terms, surrogateLoss, divergence, weight } = observed
  const perToken = (x: T): T => tokenMean(ops, ops.stopGradient(x), batch.mask, totals)
  return {
    surrogate: ops.stopGradient(surrogateLoss),
    ratio: perToken(terms.ratio),
    oldKl: perToken(ops.sub(batch.oldLogprob, batch.logprob)),
    clipLow: perToken(terms.clippedLow),
    clipHigh: perToken(terms.clippedHigh),
    ...(weight === undefined ? {} : { weight: perToken(weight) }),
    ...(divergence === undefined ? {} : { kl: perToken(divergence) }),
    ...(batch.entropy === undefined ? {} : { entropy: perToken(batch.entropy) }),
  }
}

const required = <T>(x: T | undefined, field: string, use: string): T => {
  if (x === undefined) throw new ShapeError(`policyLoss: the ${use} has a weight, but the batch has no ${field}`)
  return x
}
