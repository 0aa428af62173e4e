import { parentPort, workerData } from 'node:worker_threads'
import { rewardFunctions } from '../reward/rewards.ts'
import {
  checkedVerdict,
  isBatched,
  loadUserReward,
  rewardSampleOf,
  type BatchedUserReward,
  type UserReward,
} from '../reward/userReward.ts'
import type { RewardReport, RewardTask, RewardWorkerData } from './rewardTasks.ts'

// One thread of `rewardPool.ts`: completions in, one report each out. A thread that hangs is ended from outside.
const { sources, grader, timeout } = workerData as RewardWorkerData
const report = (message: RewardReport): void => parentPort!.postMessage(message)
const reason = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0]!.replace(/\.$/, '')

const builtIn = rewardFunctions(grader)

const load = async (): Promise<ReadonlyArray<UserReward | BatchedUserReward>> => {
  const rewards: Array<UserReward | BatchedUserReward> = []
  for (const source of sources) {
    if (source.kind === 'built-in') {
      const reward = builtIn[source.name]!
      const each: UserReward = ({ row, completion, length }) => reward({ row, response: completion, length })
      rewards.push(each)
      continue
    }
    try {
      rewards.push(await loadUserReward(source.path, source.exported))
    } catch (thrown) {
      report({ kind: 'broken', message: `Reward file ${source.path} ${reason(thrown)}.` })
      return new Promise(() => undefined)
    }
  }
  return rewards
}

const nameOf = (index: number): string => {
  const source = sources[index]!
  return source.kind === 'file' ? `Reward ${source.name} of ${source.path}` : `Reward ${source.name}`
}

const isWaiting = <A>(value: A | PromiseLike<A>): value is PromiseLike<A> =>
  typeof value === 'object' && value !== null && 'then' in value

const stopped = Symbol('stopped')
/** The value, or `stopped` after the timeout. This clock runs while a function waits; while it computes, the parent's does. */
const inTime = async <A>(value: A | PromiseLike<A>): Promise<A | typeof stopped> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof stopped>((resolve) => {
    timer = setTimeout(() => resolve(stopped), 1000 * timeout)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A function that does not wait is reported before the next one begins: the parent then knows which one hangs. */
const scoreEach = (reward: UserReward, { source, items }: RewardTask): void => {
  items.forEach((item, index) => {
    const done = (value: unknown): void =>
      report({ kind: 'done', index, answer: value === stopped ? 'stopped' : checkedVerdict(value) })
    const failed = (thrown: unknown): void =>
      report({ kind: 'failed', index, message: `${nameOf(source)} failed on row ${item.row.id}: ${reason(thrown)}.` })
    try {
      const value = reward(rewardSampleOf(item))
      if (isWaiting(value)) inTime(value).then(done).catch(failed)
      else done(value)
    } catch (thrown) {
      failed(thrown)
    }
  })
}

const scoreBatch = async (reward: BatchedUserReward, { source, items }: RewardTask): Promise<void> => {
  try {
    const values = await inTime(reward(items.map(rewardSampleOf)))
    if (values === stopped) return report({ kind: 'all', answers: items.map(() => 'stopped' as const) })
    if (!Array.isArray(values) || values.length !== items.length)
      throw new Error(`returned no array of ${items.length} verdicts, one a completion`)
    report({ kind: 'all', answers: values.map(checkedVerdict) })
  } catch (thrown) {
    const rows = `rows ${items[0]!.row.id} to ${items.at(-1)!.row.id}`
    report({ kind: 'failed', index: -1, message: `${nameOf(source)} failed on a batch of ${rows}: ${reason(thrown)}.` })
  }
}

const rewards = await load()
parentPort!.on('message', (task: RewardTask) => {
  const reward = rewards[task.source]!
  if (isBatched(reward)) void scoreBatch(reward, task)
  else scoreEach(reward, task)
})
report({ kind: 'ready', batched: rewards.map(isBatched) })
