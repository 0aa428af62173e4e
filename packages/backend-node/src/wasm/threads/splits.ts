import type { Simd } from '../simd/instance.ts'

/** How a kernel's work divides among threads. */
export interface Split {
  /** The argument that counts rows or bytes. */
  readonly counted: number
  /** What each argument moves by for one of those; 0 for those left out. */
  readonly moves: (values: ReadonlyArray<number>) => ReadonlyArray<number>
  /** Counts of a chunk are multiples of it, so that no vector of four is torn apart. */
  readonly grain: number
  /** Bytes of a chunk's largest operand, for some 30 to 60 microseconds of work. */
  readonly bytes: number
}

const [LIGHT, HEAVY] = [512 * 1024, 64 * 1024]

const bytewise = (pointers: number, bytes: number): Split => ({
  counted: pointers,
  moves: () => Array.from({ length: pointers }, () => 1),
  grain: 16,
  bytes,
})

/**
 * The kernels whose every number depends on its own row or place alone, so that any division gives the same bits. The others (sums over
 * rows) stay whole.
 */
export const splits = {
  minimum: bytewise(3, LIGHT),
  maximum: bytewise(3, LIGHT),
  clip: bytewise(2, LIGHT),
  swiglu: bytewise(3, HEAVY),
  swigluGrad: bytewise(5, HEAVY),
  copyRows: { counted: 2, moves: ([, , , , from, to]) => [from!, to!], grain: 1, bytes: LIGHT },
  fillRows: { counted: 2, moves: ([, , , bytes]) => [4, bytes!], grain: 1, bytes: LIGHT },
  transpose: { counted: 2, moves: ([, , , , pitch]) => [pitch!, 4], grain: 4, bytes: LIGHT / 4 },
  rmsNorm: { counted: 3, moves: ([, , , , bytes]) => [bytes!, 0, bytes!], grain: 1, bytes: LIGHT / 4 },
  softmaxGrad: { counted: 3, moves: ([, , , , bytes]) => [bytes!, bytes!, bytes!], grain: 1, bytes: LIGHT / 4 },
  rowStats: { counted: 2, moves: ([, , , bytes]) => [bytes!, 12], grain: 1, bytes: HEAVY },
  negatedSoftmaxTimes: {
    counted: 4,
    moves: ([, , , , , bytes]) => [bytes!, 4, 4, bytes!],
    grain: 1,
    bytes: HEAVY,
  },
} as const satisfies Readonly<Partial<Record<keyof Simd, Split>>>

export type SplitKernel = keyof typeof splits
export const splitKernels = Object.keys(splits) as ReadonlyArray<SplitKernel>
