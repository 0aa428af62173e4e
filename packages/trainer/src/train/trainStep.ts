import { estimator, groupKinds, groupSummary } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { batchArithmetic, type TrainConfig } from '../config/trainConfig.ts'
import type { Dataset } from '../data/dataset.ts'
import { rowOrder } from '../data/order.ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import type { Metrics } from '../run/records.ts'
import { drawTasks } from './drawTasks.ts'
import { durianOptions, groupAdvantages, type Group, type GroupAdvantages, hasSpread, rightness } from './groups.ts'
import { bucketMetrics, lengthMetrics, rewardMetrics } from './metrics.ts'
import { type Learner, replaced } from './optimise.ts'
import { rollOut, type RolloutContext } from './rollout.ts'
import { type Stopwatch, stopwatch } from './stopwatch.ts'
import { update, type UpdateContext, type UpdateStatistics } from './update.ts'

/** All that a run carries from step to step; what a checkpoint holds. */
export interface TrainState<T> {
  /** Rollout batches done. */
  readonly step: number
  /** Rows drawn from the data so far: the place in the shuffled epochs. */
  readonly cursor: number
  /** Prompt and completion tokens seen so far. */
  readonly tokens: number
  readonly learner: Learner<T>
}

export interface StepContext<T> extends RolloutContext<T>, UpdateContext<T> {
  readonly dataset: Dataset
  /** ms; only timings depend on it. */
  readonly clock: () => number
}

export interface StepReport {
  readonly metrics: Metrics
  readonly groups: ReadonlyArray<Group>
  readonly advantages: GroupAdvantages
}

/**
 * One step of GRPO / DAPO / Durian, on the whole rollout batch:
 *
 *   1 draw prompts, G rollouts each, rewards, visual entropies          (with dynamic sampling: until enough groups have spread)
 *   2 advantages: quantile edges and shared stds once over the batch    (paper, eq. 10-20)
 *   3 clipped policy-gradient updates                                   (paper, eq. 2 and 4)
 *
 * Consumes its state: on success the old parameters and moments are freed. On failure the old state is still whole, and everything made
 * on the way is freed.
 */
export const trainStep =
  <T>(context: StepContext<T>) =>
  (state: TrainState<T>): TE.TaskEither<TrainError, { readonly state: TrainState<T>; readonly report: StepReport }> =>
    attempt(async (take) => {
      const { backend, config, clock } = context
      const watch = stopwatch(clock)
      const start = clock()
      const { groups, drawn, skipped } = await take(acceptedGroups(context, watch)(state))
      const advantages = groupAdvantages(config, groups)
      const { learner, statistics } = await watch.time('update_actor', () =>
        take(update(context)(state.learner, groups, advantages.advantages)),
      )
      backend.memory.free(replaced(state.learner, learner))
      const tokens = state.tokens + tokensOf(groups)
      const next: TrainState<T> = { step: state.step + 1, cursor: state.cursor + drawn, tokens, learner }
      const seconds = { ...watch.seconds(), step: (clock() - start) / 1000 }
      const metrics: Metrics = {
        step: next.step,
        ...updateMetrics(statistics),
        num_tokens: tokens,
        ...rewardMetrics(groups),
        ...lengthMetrics(groups),
        'durian/prompts_drawn': drawn,
        ...(skipped === 0 ? {} : { 'durian/rows_skipped': skipped }),
        ...bucketMetrics('perceptual', groups, advantages),
        ...bucketMetrics('reasoning', groups, advantages),
        ...groupMetrics(config, groups),
        ...timingMetrics(seconds, tokensOf(groups)),
      }
      return { state: next, report: { metrics, groups, advantages } }
    })

/**
 * The groups a step trains on, and how many rows were drawn for them. With dynamic sampling, groups whose rollouts all got one reward are
 * replaced by other prompts, in at most `max_resample_times` extra rounds; then the step goes on with fewer (paper, DAPO). If not one
 * group has spread, the last round is kept: the step then changes nothing but is logged.
 */
const acceptedGroups =
  <T>(context: StepContext<T>, watch: Stopwatch) =>
  (
    state: TrainState<T>,
  ): TE.TaskEither<
    TrainError,
    { readonly groups: ReadonlyArray<Group>; readonly drawn: number; readonly skipped: number }
  > =>
    attempt(async (take) => {
      const { config, dataset, processor } = context
      const wanted = batchArithmetic(config).promptsPerStep
      const order = rowOrder({ seed: config.seed, rows: dataset.rows.length })
      const draw = drawTasks({ processor, dataset, order, onBadRow: config.on_bad_row })
      const rounds = config.dynamic_sampling.enabled ? 1 + config.dynamic_sampling.max_resample_times : 1
      const accepted: Array<Group> = []
      let last: ReadonlyArray<Group> = []
      let drawn = 0
      let skipped = 0
      for (let round = 0; round < rounds && accepted.length < wanted; round++) {
        const found = await watch.time('data', () => take(draw(state.cursor + drawn, wanted - accepted.length)))
        last = await take(
          rollOut(context, watch)(state.learner.params, found.tasks, { step: state.step, firstPrompt: drawn }),
        )
        drawn += found.drawn
        skipped += found.skipped
        accepted.push(...(config.dynamic_sampling.enabled ? last.filter(hasSpread) : last))
      }
      const groups = accepted.length === 0 ? last : accepted
      if (groups.every((group) => group.rewards.every((reward) => reward === null)))
        await take(
          E.left(
            runFailed(
              `Step ${state.step + 1}: no rollout could be scored; check reward_funcs against the answers of ${dataset.source}.`,
            ),
          ),
        )
      return { groups, drawn, skipped }
    })

const tokensOf = (groups: ReadonlyArray<Group>): number =>
  groups.reduce(
    (total, { prompt, completions }) =>
      total + completions.reduce((sum, completion) => sum + prompt.ids.length + completion.ids.length, 0),
    0,
  )

const updateMetrics = (statistics: UpdateStatistics): Record<string, number> => ({
  loss: statistics.loss,
  grad_norm: statistics.gradNorm,
  learning_rate: statistics.learningRate,
  entropy: statistics.entropy,
  ...(statistics.kl === null ? {} : { kl: statistics.kl }),
  'clip_ratio/low_mean': statistics.clipLow,
  'clip_ratio/high_mean': statistics.clipHigh,
  'clip_ratio/region_mean': statistics.clipLow + statistics.clipHigh,
  'durian/ratio_mean': statistics.ratio,
  'sampling/sampling_logp_difference/mean': statistics.samplingDifference.mean,
  'sampling/sampling_logp_difference/max': statistics.samplingDifference.max,
})

/** Kinds of groups, and who would dominate the update under each estimator: the paper's disease as numbers. */
const groupMetrics = (config: TrainConfig, groups: ReadonlyArray<Group>): Record<string, number> => {
  const samples = groups.map(({ rewards, visualEntropy, confidence }) => ({
    rewards,
    entropy: visualEntropy,
    confidence,
  }))
  const rewards = groups.map((group) => group.rewards)
  const right = rightness(groups)
  const out: Record<string, number> = {}
  for (const name of COMPARED) {
    const { advantages } = estimator(name, durianOptions(config))(samples)
    const summary = groupSummary({ rewards, right, advantages })
    for (const kind of groupKinds) {
      out[`durian/groups/${kind}`] = summary.groups === 0 ? 0 : summary.counts[kind] / summary.groups
      out[`durian/mass/${name}/${kind}`] = summary.mass[kind]
    }
    out[`durian/effective_share/${name}`] = summary.effectiveShare
  }
  return out
}

/** The estimators whose shares of the update are logged side by side. */
const COMPARED = ['grpo', 'durian', 'dr_grpo', 'batch'] as const

const timingMetrics = (seconds: Readonly<Record<string, number>>, tokens: number): Record<string, number> => ({
  ...Object.fromEntries(Object.entries(seconds).map(([part, spent]) => [`timing_s/${part}`, spent])),
  step_time: seconds['step']!,
  'perf/throughput': tokens / seconds['step']!,
})
