import {
  byKind,
  estimator,
  groupSummary,
  type Advantages,
  type DurianOptions,
  type EstimatorName,
  type GroupKind,
  type RightHistogram,
} from '@durian/core'
import type { StepBatch } from './stepBatch.ts'

/** The estimators that are set side by side. */
export const compared = ['grpo', 'durian', 'batch', 'dr_grpo'] as const satisfies ReadonlyArray<EstimatorName>
export type Compared = (typeof compared)[number]

/** What one estimator does to a batch. */
export interface EstimatorView {
  readonly advantages: Advantages
  /** Share of the update's mass by kind of group. */
  readonly mass: Readonly<Record<GroupKind, number>>
  readonly effectiveShare: number
}

/** One batch, taken apart. */
export interface StepAnalysis {
  readonly step: number
  readonly groups: number
  readonly kinds: ReadonlyArray<GroupKind>
  readonly counts: Readonly<Record<GroupKind, number>>
  readonly histograms: ReadonlyArray<RightHistogram>
  /** Share of groups whose rewards are all equal. */
  readonly zeroVariance: number
  readonly estimators: Readonly<Record<Compared, EstimatorView>>
}

/** Kinds of groups that carry a gradient. */
export const gradientKinds: ReadonlyArray<GroupKind> = ['one_wrong', 'one_right', 'mixed', 'shaping_only']

export const withGradient = ({ counts }: Pick<StepAnalysis, 'counts'>): number =>
  gradientKinds.reduce((total, kind) => total + counts[kind], 0)

/** Kinds, histograms, and each estimator's advantages and masses for one batch (quantiles and stds are the batch's). */
export const analyse =
  (options: DurianOptions) =>
  ({ step, samples, right }: StepBatch): StepAnalysis => {
    const rewards = samples.map((sample) => sample.rewards)
    const views = compared.map((name) => {
      const { advantages } = estimator(name, options)(samples)
      return { name, advantages, summary: groupSummary({ rewards, right, advantages }) }
    })
    const { groups, kinds, counts, histograms, zeroVariance } = views[0]!.summary
    return {
      step,
      groups,
      kinds,
      counts,
      histograms,
      zeroVariance,
      estimators: Object.fromEntries(
        views.map(({ name, advantages, summary }) => [
          name,
          { advantages, mass: summary.mass, effectiveShare: summary.effectiveShare },
        ]),
      ) as unknown as Readonly<Record<Compared, EstimatorView>>,
    }
  }

/** Counts over several batches, and masses as means over the batches that have any. */
export interface Totals {
  readonly groups: number
  readonly withGradient: number
  readonly counts: Readonly<Record<GroupKind, number>>
  readonly mass: Readonly<Record<Compared, Readonly<Record<GroupKind, number>>>>
  readonly effectiveShare: Readonly<Record<Compared, number>>
}

export const totals = (steps: ReadonlyArray<StepAnalysis>): Totals => {
  const moving = steps.filter((step) => withGradient(step) > 0)
  const average = (value: (step: StepAnalysis) => number): number =>
    moving.length === 0 ? 0 : moving.reduce((total, step) => total + value(step), 0) / moving.length
  const byEstimator = <A>(value: (name: Compared) => A): Readonly<Record<Compared, A>> =>
    Object.fromEntries(compared.map((name) => [name, value(name)])) as Record<Compared, A>
  return {
    groups: steps.reduce((total, { groups }) => total + groups, 0),
    withGradient: steps.reduce((total, step) => total + withGradient(step), 0),
    counts: byKind((kind) => steps.reduce((total, { counts }) => total + counts[kind], 0)),
    mass: byEstimator((name) => byKind((kind) => average((step) => step.estimators[name].mass[kind]))),
    effectiveShare: byEstimator((name) => average((step) => step.estimators[name].effectiveShare)),
  }
}
