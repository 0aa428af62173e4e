import fc from 'fast-check'
import { sizeOf, type Shape } from '../../ops/shape.ts'
import type { HostTensor } from '../../ops/tensorOps.ts'
import { fixedTensor, shape, tensor, type ShapeLimits } from '../arbitraries.ts'
import type { Case } from '../evaluate.ts'
import { smoothSizes, valueSizes, type Operation } from './operation.ts'

const reshapeCase = (x: HostTensor, to: Shape): Case => ({
  label: `reshape of [${x.shape}] to [${to}]`,
  inputs: [x],
  program: (ops, [input]) => ops.reshape(input!, to),
})

/** Any order of the axes, ones put in, or everything in one axis: all of one size. */
const sameSize = (from: Shape): fc.Arbitrary<Shape> =>
  fc.oneof(
    fc.constant<Shape>([sizeOf(from)]),
    fc.shuffledSubarray([...from], { minLength: from.length, maxLength: from.length }),
    fc.constant<Shape>(from.length < 6 ? [1, ...from] : from),
  )

const reshape = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
  shape(sizes).chain((dims) => fc.tuple(tensor(dims), sameSize(dims)).map(([x, to]) => reshapeCase(x, to)))

const transposeCase = (x: HostTensor, permutation: ReadonlyArray<number>): Case => ({
  label: `transpose of [${x.shape}] by [${permutation}]`,
  inputs: [x],
  program: (ops, [input]) => ops.transpose(input!, permutation),
})

const transpose = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
  shape(sizes).chain((dims) => {
    const axes = dims.map((_, axis) => axis)
    return fc
      .tuple(tensor(dims), fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length }))
      .map(([x, permutation]) => transposeCase(x, permutation))
  })

interface Window {
  readonly begin: ReadonlyArray<number>
  readonly size: ReadonlyArray<number>
}

const sliceCase = (x: HostTensor, { begin, size }: Window): Case => ({
  label: `slice of [${x.shape}] from [${begin}], [${size}] long`,
  inputs: [x],
  program: (ops, [input]) => ops.slice(input!, begin, size),
})

const windowOf = (dims: Shape): fc.Arbitrary<Window> =>
  fc
    .tuple(
      ...dims.map((n) =>
        fc.nat(n - 1).chain((begin) => fc.tuple(fc.constant(begin), fc.integer({ min: 1, max: n - begin }))),
      ),
    )
    .map((spans) => ({ begin: spans.map(([begin]) => begin), size: spans.map(([, size]) => size) }))

const slice = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
  shape({ ...sizes, minRank: 1 }).chain((dims) =>
    fc.tuple(tensor(dims), windowOf(dims)).map(([x, window]) => sliceCase(x, window)),
  )

const concatCase = (xs: ReadonlyArray<HostTensor>, axis: number): Case => ({
  label: `concat of ${xs.map((x) => `[${x.shape}]`).join(', ')} along axis ${axis}`,
  inputs: xs,
  program: (ops, inputs) => ops.concat(inputs, axis),
})

const concat = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
  shape({ ...sizes, minRank: 1, maxRank: 5 })
    .chain((dims) =>
      fc.tuple(
        fc.constant(dims),
        fc.nat(dims.length - 1),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
      ),
    )
    .chain(([dims, axis, lengths]) =>
      fc.tuple(...lengths.map((n) => tensor(dims.with(axis, n)))).map((xs) => concatCase(xs, axis)),
    )

const rank6 = fixedTensor([2, 3, 2, 3, 2, 3])

export const layoutOperations: ReadonlyArray<Operation> = [
  {
    name: 'reshape',
    values: { random: reshape(valueSizes), fixed: [reshapeCase(fixedTensor([40, 50]), [2, 5, 4, 50])] },
    smooth: { random: reshape(smoothSizes) },
  },
  {
    name: 'transpose',
    values: {
      random: transpose(valueSizes),
      fixed: [transposeCase(rank6, [5, 2, 0, 4, 1, 3]), transposeCase(fixedTensor([7, 33, 5, 3]), [0, 2, 1, 3])],
    },
    smooth: {
      random: transpose(smoothSizes),
      fixed: [transposeCase(fixedTensor([2, 2, 2, 2, 2, 2]), [3, 5, 1, 0, 4, 2])],
    },
  },
  {
    name: 'slice',
    values: {
      random: slice(valueSizes),
      fixed: [sliceCase(rank6, { begin: [1, 0, 1, 1, 0, 2], size: [1, 3, 1, 2, 2, 1] })],
    },
    smooth: { random: slice(smoothSizes), fixed: [sliceCase(fixedTensor([4, 5]), { begin: [1, 2], size: [2, 3] })] },
  },
  {
    name: 'concat',
    values: {
      random: concat(valueSizes),
      fixed: [concatCase([fixedTensor([4, 2, 30, 8]), fixedTensor([4, 2, 1, 8])], 2)],
    },
    smooth: { random: concat(smoothSizes) },
  },
]
