import type { Evaluation, Metrics } from '../run/records.ts'
import type { ColdStartLine } from './coldStart.ts'

/** What a run tells whoever watches it, and how it is asked to stop. */
export interface TrainHooks {
  readonly clock: () => number
  /** True once the user wants to stop: the step in hand is finished and saved first. */
  readonly interrupted: () => boolean
  readonly onNote: (line: string) => void
  readonly onColdStart: (line: ColdStartLine) => void
  readonly onStep: (metrics: Metrics) => void
  readonly onEvaluation: (evaluation: Evaluation) => void
  readonly onEvaluationProgress: (split: string, done: number, total: number) => void
}
