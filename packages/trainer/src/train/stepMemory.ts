import { adaptedKlCoefficient, type DurianAdvantages, remembered, type ScoreWindow } from '@durian/core'
import type { TrainConfig } from '../config/trainConfig.ts'

/** What a step knows of those before it, beside the learner: plain data, so that a checkpoint holds it. */
export interface StepMemory {
  /** Of the KL penalty in the next step; `beta` at first. */
  readonly klCoefficient: number
  /** Visual entropies of the last `durian.window` steps, oldest first, nats. */
  readonly perceptual: ScoreWindow['steps']
  /** What sorted prompts into reasoning groups, of the same steps. */
  readonly reasoning: ScoreWindow['steps']
}

export const noMemory = ({ beta }: TrainConfig): StepMemory => ({ klCoefficient: beta, perceptual: [], reasoning: [] })

/** The windows as core takes them. */
export const windowsOf = (
  { durian: { window } }: TrainConfig,
  { perceptual, reasoning }: StepMemory,
): { readonly perceptual: ScoreWindow; readonly reasoning: ScoreWindow } => ({
  perceptual: { length: window, steps: perceptual },
  reasoning: { length: window, steps: reasoning },
})

export interface Observed {
  readonly durian: DurianAdvantages
  /** Divergence from the reference, nats a token; null without a penalty. */
  readonly kl: number | null
  readonly rollouts: number
}

/** The memory after a step. */
export const nextMemory = (config: TrainConfig, memory: StepMemory, { durian, kl, rollouts }: Observed): StepMemory => {
  const { target, horizon } = config.kl
  const windows = windowsOf(config, memory)
  return {
    klCoefficient:
      target === null || kl === null
        ? memory.klCoefficient
        : adaptedKlCoefficient({ target, horizon })(memory.klCoefficient, { kl, rollouts }),
    perceptual: remembered(windows.perceptual, durian.perceptual.scores).steps,
    reasoning: remembered(windows.reasoning, durian.reasoning.scores).steps,
  }
}
