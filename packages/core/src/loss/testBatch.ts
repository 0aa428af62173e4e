import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import type { HostTensor } from '../ops/tensorOps.ts'
import type { TokenBatch } from './tokenBatch.ts'

/** One rollout on the host: plain numbers, one a token. For tests of this folder. */
export interface TestRollout {
  readonly logprob: ReadonlyArray<number>
  readonly oldLogprob: ReadonlyArray<number>
  readonly refLogprob: ReadonlyArray<number>
  readonly advantage: number
}

const padded = (rows: ReadonlyArray<ReadonlyArray<number>>, columns: number, filling: number): RefTensor => {
  const host: HostTensor = {
    shape: [rows.length, columns],
    data: rows.flatMap((row) => Array.from({ length: columns }, (_, i) => row[i] ?? filling)),
  }
  return ops.fromHost(host)
}

/** Rollouts as a batch of `columns` tokens a row; what lies beyond a rollout's end is filled with a number of no meaning. */
export const batchOf = (rollouts: ReadonlyArray<TestRollout>, columns: number, filling = 0): TokenBatch<RefTensor> => ({
  logprob: padded(
    rollouts.map((r) => r.logprob),
    columns,
    filling,
  ),
  oldLogprob: padded(
    rollouts.map((r) => r.oldLogprob),
    columns,
    filling,
  ),
  refLogprob: padded(
    rollouts.map((r) => r.refLogprob),
    columns,
    filling,
  ),
  mask: padded(
    rollouts.map((r) => r.logprob.map(() => 1)),
    columns,
    0,
  ),
  advantage: padded(
    rollouts.map((r) => [r.advantage]),
    1,
    0,
  ),
})

export const lengthsOf = (rollouts: ReadonlyArray<TestRollout>): ReadonlyArray<number> =>
  rollouts.map(({ logprob }) => logprob.length)
