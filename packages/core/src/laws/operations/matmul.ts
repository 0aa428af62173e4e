import fc from 'fast-check'
import type { Shape } from '../../ops/shape.ts'
import type { HostTensor, Transposes } from '../../ops/tensorOps.ts'
import { fixedTensor, shape, tensor } from '../arbitraries.ts'
import type { Case } from '../evaluate.ts'
import type { Operation } from './operation.ts'

interface Sizes {
  readonly batch: Shape
  readonly m: number
  readonly k: number
  readonly n: number
  readonly transposes: Transposes
}

const shapesOf = ({ batch, m, k, n, transposes: { transposeA, transposeB } }: Sizes): readonly [Shape, Shape] => [
  [...batch, ...(transposeA === true ? [k, m] : [m, k])],
  [...batch, ...(transposeB === true ? [n, k] : [k, n])],
]

const matmulCase = (a: HostTensor, b: HostTensor, transposes: Transposes): Case => ({
  label: `matmul of [${a.shape}]${transposes.transposeA === true ? ' transposed' : ''} and [${b.shape}]${transposes.transposeB === true ? ' transposed' : ''}`,
  inputs: [a, b],
  program: (ops, [x, y]) => ops.matmul(x!, y!, transposes),
})

const fixedCase = (sizes: Sizes): Case => {
  const [a, b] = shapesOf(sizes)
  return matmulCase(fixedTensor(a, { lo: -1, hi: 1 }), fixedTensor(b, { lo: -1, hi: 1 }), sizes.transposes)
}

const allTransposes: ReadonlyArray<Transposes> = [
  {},
  { transposeA: true },
  { transposeB: true },
  { transposeA: true, transposeB: true },
]

/** Sizes that cross the tiles of real kernels: one row, one column, inner sizes beyond 48 and 256, batches, ranks up to 5. */
const largeSizes: ReadonlyArray<Omit<Sizes, 'transposes'>> = [
  { batch: [], m: 1, k: 1, n: 1 },
  { batch: [], m: 70, k: 65, n: 33 },
  { batch: [], m: 1, k: 300, n: 20 },
  { batch: [], m: 20, k: 300, n: 1 },
  { batch: [5], m: 17, k: 49, n: 18 },
  { batch: [2, 3], m: 1, k: 50, n: 7 },
  { batch: [2, 2, 2], m: 4, k: 5, n: 3 },
]

const random = (maxSize: number, maxBatchRank: number): fc.Arbitrary<Case> =>
  fc
    .record<Sizes>({
      batch: shape({ maxRank: maxBatchRank, maxSize: 2 }),
      m: fc.integer({ min: 1, max: maxSize }),
      k: fc.integer({ min: 1, max: maxSize }),
      n: fc.integer({ min: 1, max: maxSize }),
      transposes: fc.constantFrom(...allTransposes),
    })
    .chain((sizes) => {
      const [a, b] = shapesOf(sizes)
      return fc.tuple(tensor(a), tensor(b)).map(([x, y]) => matmulCase(x, y, sizes.transposes))
    })

export const matmulOperation: Operation = {
  name: 'matmul',
  values: {
    random: random(6, 3),
    fixed: largeSizes.flatMap((sizes) => allTransposes.map((transposes) => fixedCase({ ...sizes, transposes }))),
  },
  smooth: {
    random: random(4, 2),
    fixed: allTransposes.flatMap((transposes) => [
      fixedCase({ batch: [], m: 2, k: 3, n: 4, transposes }),
      fixedCase({ batch: [2], m: 3, k: 2, n: 4, transposes }),
      fixedCase({ batch: [2, 2], m: 1, k: 3, n: 2, transposes }),
    ]),
  },
}
