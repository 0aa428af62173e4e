import { scale, shift } from '../ops/derived.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import { probabilityRatio, type RatioLevel } from './ratio.ts'
import { positive, type Surrogate, type SurrogateTerms } from './surrogate.ts'
import type { TokenBatch } from './tokenBatch.ts'

/** Temperatures of the gate: larger is narrower. */
export interface SapoTemperatures {
  /** Where the advantage is positive; default 1. */
  readonly positive?: number
  /** Where it is negative; default 1.05, so that punishments fade sooner. */
  readonly negative?: number
  /** Default `token`. */
  readonly level?: RatioLevel
}

/**
 * SAPO: a soft gate in place of the clip. Near rho = 1 it is the plain ratio up to a constant (slope 1), far away it is flat.
 *
 *   4/tau sigmoid(tau (rho - 1)) A,   tau by the sign of A      (Gao et al. 2025; `EasyR1@b44b311 core_algos.py#L490-L495`, TRL and verl alike)
 *
 * It clips nothing: `clippedLow` and `clippedHigh` are 0.
 */
export const sapo =
  ({ positive: tauPositive = 1, negative: tauNegative = 1.05, level = 'token' }: SapoTemperatures = {}): Surrogate =>
  <T>(ops: TensorOps<T>, batch: TokenBatch<T>): SurrogateTerms<T> => {
    const { advantage } = batch
    const ratio = probabilityRatio(ops, batch, level) // [B, T] or [B, 1]
    const gate = (tau: number): T => scale(ops, ops.sigmoid(scale(ops, shift(ops, ratio, -1), tau)), 4 / tau)
    const up = positive(ops, advantage)
    const chosen = ops.add(ops.mul(up, gate(tauPositive)), ops.mul(shift(ops, ops.neg(up), 1), gate(tauNegative)))
    const still = ops.stopGradient(ratio)
    const never = scale(ops, still, 0)
    return { objective: ops.mul(chosen, advantage), ratio: still, clippedLow: never, clippedHigh: never }
  }
