import type { TensorOps } from '../ops/tensorOps.ts'
import { probabilityRatio, type RatioLevel } from './ratio.ts'
import { beyond, type Surrogate, type SurrogateTerms } from './surrogate.ts'
import type { TokenBatch } from './tokenBatch.ts'

/** Bounds of the weight itself, not distances from 1. */
export interface CispoRange {
  /** Least weight; default 0, which is none (TRL). EasyR1 and verl have 1 - clip_low: with EasyR1's shipped clip_low = 0 that is 1. */
  readonly min?: number
  /** Largest weight: TRL's `epsilon_high`, 5 by its advice (ScaleRL), 1 + clip_high in EasyR1 and verl. */
  readonly max: number
  /** Default `token`. */
  readonly level?: RatioLevel
}

/**
 * CISPO: every token keeps a gradient, and only its weight is clipped.
 *
 *   sg(clip(rho, min, max)) A ln pi                        (MiniMax-M1 2025, eq. 4-5; `trl@v1.10.0 trainer/grpo_trainer.py#L3150`)
 *
 * `clippedLow` and `clippedHigh` say where the weight is at a bound that its advantage presses against; the gradient there is bounded, not 0.
 */
export const cispo =
  ({ min = 0, max, level = 'token' }: CispoRange): Surrogate =>
  <T>(ops: TensorOps<T>, batch: TokenBatch<T>): SurrogateTerms<T> => {
    const { advantage, logprob } = batch
    const ratio = ops.stopGradient(probabilityRatio(ops, batch, level)) // [B, T] or [B, 1]
    const weight = ops.mul(ops.clip(ratio, min, max), advantage)
    return {
      objective: ops.mul(weight, logprob), // [B, T]
      ratio,
      ...beyond(ops, { ratio, advantage, low: min, high: max }),
    }
  }
