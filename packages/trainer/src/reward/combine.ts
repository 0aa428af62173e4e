import { softOverlongPunishment, type SoftOverlong } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { rewardPool } from '../workers/rewardPool.ts'
import type { RewardAnswer } from '../workers/rewardTasks.ts'
import type { Grader } from './graders.ts'
import { rewardSource, type RewardSource } from './rewardSource.ts'
import { rewardFunctions, stoppedReward, type Scored } from './rewards.ts'

export interface RewardOptions {
  /** Names of built-in rewards, or files as `./my-reward.mjs#name`. */
  readonly functions: ReadonlyArray<{ readonly name: string; readonly weight: number }>
  /** Default `mathruler`. */
  readonly grader?: Grader
  /** Seconds a function in a worker may take for one completion; default 10. */
  readonly timeout?: number
  /** Threads for the built-in rewards; 0, the default, is this one. Rewards from files have at least one of their own. */
  readonly workers?: number
  /** Added to the total as `soft_overlong_punishment`, times its weight. */
  readonly softOverlong?: SoftOverlong & { readonly weight: number }
}

/** A completion's reward and what it is made of. */
export interface TotalReward {
  /** Weighted sum of the parts; null when a part with a weight other than 0 is null. */
  readonly total: number | null
  readonly parts: Readonly<Record<string, number | null>>
}

/** All rewards of a run as one function of the completions of a step, in their order. */
export type Rewarder = (scored: ReadonlyArray<Scored>) => TE.TaskEither<TrainError, ReadonlyArray<TotalReward>>

type Part = (scored: ReadonlyArray<Scored>) => TE.TaskEither<TrainError, ReadonlyArray<number | null>>

/** Built-in rewards look at no picture. */
const withoutPictures = ({ row, response, length }: Scored): Scored => ({
  row: { ...row, images: [] },
  response,
  length,
})

/** Pictures that own their bytes, once per row: a view would drag the whole data file into the thread. */
const withOwnPictures = (scored: ReadonlyArray<Scored>): ReadonlyArray<Scored> => {
  const rows = new Map(scored.map(({ row }) => [row, row]))
  for (const row of rows.keys()) rows.set(row, { ...row, images: row.images.map((bytes) => Uint8Array.from(bytes)) })
  return scored.map((one) => ({ ...one, row: rows.get(one.row)! }))
}

const verdicts = (answers: ReadonlyArray<RewardAnswer>, stopped: number | null): ReadonlyArray<number | null> =>
  answers.map((answer) => (answer === 'stopped' ? stopped : answer))

const sourcesOf = (names: ReadonlyArray<string>): E.Either<TrainError, ReadonlyArray<RewardSource>> => {
  const sources: RewardSource[] = []
  for (const entry of names) {
    const source = rewardSource(entry)
    if (E.isLeft(source)) return source
    if (sources.some(({ name }) => name === source.right.name))
      return E.left(
        badInput(`reward_funcs has two rewards that the logs would call ${source.right.name}; rename one file, or name its function as file#name.`), // prettier-ignore
      )
    sources.push(source.right)
  }
  return E.right(sources)
}

/** One function a source: built-in ones run here unless there are threads, files always in threads that can be ended. */
const partsOf = (
  sources: ReadonlyArray<RewardSource>,
  { grader = 'mathruler', timeout = 10, workers = 0 }: RewardOptions,
): TE.TaskEither<TrainError, ReadonlyArray<Part>> =>
  attempt(async (take) => {
    const builtIn = rewardFunctions(grader)
    const pool = rewardPool({ sources, grader, timeout }, Math.max(1, workers))
    if (sources.some(({ kind }) => kind === 'file')) await take(pool.open)
    return sources.map(({ kind, name }, source): Part => {
      if (kind === 'built-in' && workers === 0) return (scored) => async () => E.right(scored.map(builtIn[name]!))
      return (scored) =>
        attempt(async (take) => {
          const items = kind === 'file' ? withOwnPictures(scored) : scored.map(withoutPictures)
          return verdicts(await take(pool.score(source, items)), kind === 'file' ? null : stoppedReward)
        })
    })
  })

/**
 * The total reward as one function: sum_k w_k r_k, with the defaults 0.9 accuracy + 0.1 format (paper, eq. 22). Files are loaded here.
 * Left (BadInput) names an unknown reward, or a file that is absent or exports no function; the rewarder's Left (RunFailed) names
 * the file and the row whose function threw.
 *
 * Differs from TRL, which sums what it has: a rollout whose accuracy is unknown is left out and not scored by its format alone.
 */
export const combineRewards = (options: RewardOptions): TE.TaskEither<TrainError, Rewarder> =>
  attempt(async (take) => {
    const { functions, softOverlong } = options
    const sources = await take(sourcesOf(functions.map(({ name }) => name)))
    const parts = await take(partsOf(sources, options))
    const weighted = functions.map(({ weight }, k) => ({ name: sources[k]!.name, weight, part: parts[k]! }))
    const punished =
      softOverlong === undefined
        ? weighted
        : [
            ...weighted,
            {
              name: 'soft_overlong_punishment',
              weight: softOverlong.weight,
              part: ((scored) => async () =>
                E.right(scored.map(({ length }) => softOverlongPunishment(length, softOverlong)))) satisfies Part,
            },
          ]
    return (scored) =>
      attempt(async (take) => {
        const columns: Array<ReadonlyArray<number | null>> = []
        for (const { part } of punished) columns.push(await take(part(scored)))
        return scored.map((_, i) => {
          let total: number | null = 0
          const byName: Record<string, number | null> = {}
          punished.forEach(({ name, weight }, k) => {
            const value = columns[k]![i]!
            byName[name] = value
            if (weight !== 0) total = total === null || value === null ? null : total + weight * value
          })
          return { total, parts: byName }
        })
      })
  })
