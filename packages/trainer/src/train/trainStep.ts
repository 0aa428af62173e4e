import { groupKinds, groupSummary, type SpreadCounts } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { Dataset } from '../data/dataset.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { Metrics } from '../run/records.ts'
import { acceptedGroups } from './acceptedGroups.ts'
import { groupAdvantages, type Group, type GroupAdvantages, rightness } from './groups.ts'
import { bucketMetrics, lengthMetrics, rewardMetrics } from './metrics.ts'
import { type Learner, replaced } from './optimise.ts'
import { penalisedRewards } from './rewardPenalty.ts'
import type { RolloutContext } from './rollout.ts'
import { nextMemory, noMemory, type StepMemory } from './stepMemory.ts'
import { stopwatch } from './stopwatch.ts'
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
  /** What the steps before left beside the learner; absent before the first. */
  readonly memory?: StepMemory
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
 *   2 with a KL penalty in the reward: the rewards less it
 *   3 advantages: quantile edges and shared stds once over the batch    (paper, eq. 10-20)
 *   4 clipped policy-gradient updates                                   (paper, eq. 2 and 4)
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
      const memory = state.memory ?? noMemory(config)
      const { klCoefficient } = memory
      const { groups, drawn, skipped, counts } = await take(acceptedGroups(context, watch)(state))
      const penalised =
        config.beta > 0 && config.kl.placement === 'reward'
          ? await watch.time('ref', () => take(penalisedRewards(context)(groups, klCoefficient)))
          : null
      const advantages = groupAdvantages(config, groups, {
        memory,
        ...(penalised === null ? {} : { rewards: penalised.rewards }),
      })
      const { learner, statistics } = await watch.time('update_actor', () =>
        take(update(context)(state.learner, groups, advantages.advantages, klCoefficient)),
      )
      const kl = penalised?.kl ?? statistics.kl
      backend.memory.free(replaced(state.learner, learner))
      const tokens = state.tokens + tokensOf(groups)
      const next: TrainState<T> = {
        step: state.step + 1,
        cursor: state.cursor + drawn,
        tokens,
        learner,
        memory: nextMemory(config, memory, {
          durian: advantages.durian,
          kl,
          rollouts: groups.length * config.num_generations,
        }),
      }
      const seconds = { ...watch.seconds(), step: (clock() - start) / 1000 }
      const metrics: Metrics = {
        step: next.step,
        ...updateMetrics(statistics),
        ...(kl === null ? {} : { kl, kl_coef: klCoefficient }),
        num_tokens: tokens,
        ...rewardMetrics(groups),
        ...lengthMetrics(groups),
        'durian/prompts_drawn': drawn,
        ...droppedMetrics(counts),
        ...(skipped === 0 ? {} : { 'durian/rows_skipped': skipped }),
        ...bucketMetrics('perceptual', groups, advantages),
        ...bucketMetrics('reasoning', groups, advantages),
        ...groupMetrics(config, groups, advantages),
        ...timingMetrics(seconds, tokensOf(groups)),
      }
      return { state: next, report: { metrics, groups, advantages } }
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
  ...(statistics.weight === null ? {} : { 'durian/token_weight_mean': statistics.weight }),
  'clip_ratio/low_mean': statistics.clipLow,
  'clip_ratio/high_mean': statistics.clipHigh,
  'clip_ratio/region_mean': statistics.clipLow + statistics.clipHigh,
  'durian/ratio_mean': statistics.ratio,
  'sampling/sampling_logp_difference/mean': statistics.samplingDifference.mean,
  'sampling/sampling_logp_difference/max': statistics.samplingDifference.max,
})

/** Kinds of groups, and who would dominate the update under each estimator: the paper's disease as numbers. */
const groupMetrics = (
  { estimator }: TrainConfig,
  groups: ReadonlyArray<Group>,
  { under }: GroupAdvantages,
): Record<string, number> => {
  const rewards = groups.map((group) => group.rewards)
  const right = rightness(groups)
  const out: Record<string, number> = {}
  for (const name of new Set([...COMPARED, estimator])) {
    const summary = groupSummary({ rewards, right, advantages: under(name) })
    for (const kind of groupKinds) {
      out[`durian/groups/${kind}`] = summary.groups === 0 ? 0 : summary.counts[kind] / summary.groups
      out[`durian/mass/${name}/${kind}`] = summary.mass[kind]
    }
    out[`durian/effective_share/${name}`] = summary.effectiveShare
  }
  return out
}

/** What dynamic sampling dropped, by reason. */
const droppedMetrics = (counts: SpreadCounts | null): Record<string, number> => {
  if (counts === null) return {}
  const { kept: _, ...dropped } = counts
  return Object.fromEntries(Object.entries(dropped).map(([reason, count]) => [`durian/dropped/${reason}`, count]))
}

/** The estimators whose shares of the update are logged side by side, with the configured one. */
const COMPARED = ['grpo', 'durian', 'dr_grpo', 'batch'] as const

const timingMetrics = (seconds: Readonly<Record<string, number>>, tokens: number): Record<string, number> => ({
  ...Object.fromEntries(Object.entries(seconds).map(([part, spent]) => [`timing_s/${part}`, spent])),
  step_time: seconds['step']!,
  'perf/throughput': tokens / seconds['step']!,
})
