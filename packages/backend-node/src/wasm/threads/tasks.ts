import { multiplyChunk, type ProductJob } from '../product.ts'
import type { Simd } from '../simd/instance.ts'
import { type SplitKernel, splitKernels } from './splits.ts'

/** A thread's kernels and its number; the main thread is 0. */
export interface Hands {
  readonly simd: Simd
  readonly thread: number
}

/** One chunk of a job, from numbers that all its chunks share. */
export type Task = (hands: Hands, values: ReadonlyArray<number>, chunk: number) => void

export interface CallJob {
  readonly kernel: SplitKernel
  /** The argument that counts what is divided, the whole count, and a chunk's. */
  readonly counted: number
  readonly count: number
  readonly each: number
  readonly values: ReadonlyArray<number>
  /** What each argument moves by for one of what is counted. */
  readonly moves: ReadonlyArray<number>
}

export const callValues = ({ kernel, counted, count, each, values, moves }: CallJob): ReadonlyArray<number> => [
  ...[splitKernels.indexOf(kernel), counted, count, each],
  ...values.flatMap((value, i) => [value, moves[i] ?? 0]),
]

/** A kernel over some of its rows or bytes. */
const call: Task = ({ simd }, numbers, chunk) => {
  const [kernel, counted, count, each] = numbers as unknown as readonly [number, number, number, number]
  const values = Array.from(
    { length: (numbers.length - 4) / 2 },
    (_, i) => numbers[4 + 2 * i]! + chunk * each * numbers[5 + 2 * i]!,
  )
  values[counted] = Math.min(each, count - chunk * each)
  simd[splitKernels[kernel]!](...values)
}

export const productValues = ({ sizes, items, shares, places, scratchEach }: ProductJob): ReadonlyArray<number> => [
  ...[sizes.m, sizes.k, sizes.n, sizes.transposeA ? 1 : 0, sizes.transposeB ? 1 : 0],
  ...[items, shares.items, shares.rows, shares.columns],
  ...[places.a, places.b, places.out, places.scratch, scratchEach],
]

type ProductValues = readonly [
  ...[m: number, k: number, n: number, transposeA: number, transposeB: number],
  ...[items: number, itemsEach: number, rows: number, columns: number],
  ...[a: number, b: number, out: number, scratch: number, scratchEach: number],
]

const product: Task = ({ simd, thread }, numbers, chunk) => {
  const [m, k, n, transposeA, transposeB, items, itemsEach, rows, columns, a, b, out, scratch, scratchEach] =
    numbers as unknown as ProductValues
  const job = {
    sizes: { m, k, n, transposeA: transposeA === 1, transposeB: transposeB === 1 },
    items,
    shares: { items: itemsEach, rows, columns },
    places: { a, b, out, scratch },
    scratchEach,
  }
  multiplyChunk(simd, job, { chunk, thread })
}

/** In the order of their numbers. */
export const tasks: ReadonlyArray<Task> = [call, product]
export const taskNumbers = { call: 0, product: 1 } as const
export type TaskName = keyof typeof taskNumbers
