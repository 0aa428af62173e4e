import {
  meanVerdict,
  noRounds,
  type Resampling,
  resampled,
  type Rewards,
  type SpreadCounts,
  type SpreadVerdict,
  spreadVerdict,
} from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { batchArithmetic, type TrainConfig } from '../config/trainConfig.ts'
import { rowOrder } from '../data/order.ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import { drawTasks } from './drawTasks.ts'
import type { Group } from './groups.ts'
import { rollOut } from './rollout.ts'
import type { Stopwatch } from './stopwatch.ts'
import type { StepContext, TrainState } from './trainStep.ts'

export interface AcceptedGroups {
  readonly groups: ReadonlyArray<Group>
  /** Rows drawn from the data for them. */
  readonly drawn: number
  /** Rows passed over because they could not be read. */
  readonly skipped: number
  /** Prompts by what became of them; null without dynamic sampling. */
  readonly counts: SpreadCounts | null
}

/** Which groups teach something, by the configured rule. */
const verdictOf = ({ dynamic_sampling: rule }: TrainConfig): ((rewards: Rewards) => SpreadVerdict) => {
  if (!rule.enabled) return () => 'kept'
  return rule.filter === 'spread' ? spreadVerdict : meanVerdict({ low: rule.filter_low, high: rule.filter_high })
}

/** The rewards that the rule looks at. */
const lookedAt = ({ dynamic_sampling: { filter_key } }: TrainConfig, { rewards, parts }: Group): Rewards =>
  filter_key === 'overall' ? rewards : parts.map((part) => part[filter_key] ?? null)

/**
 * The groups a step trains on. With dynamic sampling, groups that the rule drops are replaced by other prompts, in at most
 * `max_resample_times` extra rounds; then the step goes on with fewer (paper, DAPO). If not one group is kept, the last round is: the step
 * then changes nothing, or little, but is logged.
 */
export const acceptedGroups =
  <T>(context: StepContext<T>, watch: Stopwatch) =>
  (state: TrainState<T>): TE.TaskEither<TrainError, AcceptedGroups> =>
    attempt(async (take) => {
      const { config, dataset, processor } = context
      const { enabled, max_resample_times } = config.dynamic_sampling
      const wanted = batchArithmetic(config).promptsPerStep
      const order = rowOrder({ seed: config.seed, rows: dataset.rows.length })
      const draw = drawTasks({ processor, dataset, order, onBadRow: config.on_bad_row })
      const decide = resampled<Group>({
        wanted,
        maxRounds: enabled ? 1 + max_resample_times : 1,
        verdict: verdictOf(config),
      })
      let drawn = 0
      let skipped = 0
      const round = async (missing: number): Promise<ReadonlyArray<Group>> => {
        const found = await watch.time('data', () => take(draw(state.cursor + drawn, missing)))
        const groups = await take(
          rollOut(context, watch)(state.learner.params, found.tasks, { step: state.step, firstPrompt: drawn }),
        )
        drawn += found.drawn
        skipped += found.skipped
        return groups
      }
      let sofar: Resampling<Group> = noRounds
      for (;;) {
        const last = await round(wanted - sofar.accepted.length)
        const next = decide(
          sofar,
          last.map((group) => ({ group, rewards: lookedAt(config, group) })),
        )
        if (next._tag === 'Draw') {
          sofar = next.state
          continue
        }
        const groups = next.groups.length === 0 ? last : next.groups
        if (groups.every((group) => group.rewards.every((reward) => reward === null)))
          await take(
            E.left(
              runFailed(
                `Step ${state.step + 1}: no rollout could be scored; check reward_funcs against the answers of ${dataset.source}.`,
              ),
            ),
          )
        return { groups, drawn, skipped, counts: enabled ? next.counts : null }
      }
    })
