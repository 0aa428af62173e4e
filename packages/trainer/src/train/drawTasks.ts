import { either as E, type taskEither as TE } from 'fp-ts'
import type { Dataset } from '../data/dataset.ts'
import type { RowOrder } from '../data/order.ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { Processor } from '../processor/loadProcessor.ts'
import { encodedTasks, type Task } from './rollout.ts'

export interface Drawn {
  readonly tasks: ReadonlyArray<Task>
  /** Rows taken from the order, those that were passed over among them. */
  readonly drawn: number
  /** Rows that were passed over. */
  readonly skipped: number
}

interface DrawOptions {
  readonly processor: Processor
  readonly dataset: Dataset
  readonly order: RowOrder
  readonly onBadRow: 'fail' | 'skip'
}

/**
 * The next `count` rows from `cursor` on, encoded. Left: the first row that cannot be; with `skip` it is passed over and the next one taken,
 * until a whole epoch has been.
 */
export const drawTasks =
  ({ processor, dataset, order, onBadRow }: DrawOptions) =>
  (cursor: number, count: number): TE.TaskEither<TrainError, Drawn> =>
    attempt(async (take) => {
      const tasks: Task[] = []
      let drawn = 0
      let skipped = 0
      while (tasks.length < count) {
        const rows = order.take(cursor + drawn, count - tasks.length).map((row) => dataset.rows[row]!)
        drawn += rows.length
        for (const task of await take(encodedTasks(processor, rows))) {
          if (E.isRight(task)) tasks.push(task.right)
          else if (onBadRow === 'fail' || ++skipped >= dataset.rows.length) await take(task)
        }
      }
      return { tasks, drawn, skipped }
    })
