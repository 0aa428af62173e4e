import fc from 'fast-check'
import type { HostTensor } from '../../ops/tensorOps.ts'
import { distinctTensor, fixedTensor, shape, tensor, type ShapeLimits } from '../arbitraries.ts'
import type { Case } from '../evaluate.ts'
import { smoothSizes, valueSizes, type Operation } from './operation.ts'

type ReductionName = 'sum' | 'max' | 'cumsum'

const axisCase = (name: ReductionName, x: HostTensor, axis: number): Case => ({
  label: `${name} of [${x.shape}] over axis ${axis}`,
  inputs: [x],
  program: (ops, [input]) => ops[name](input!, axis),
})

const overAxis = (name: ReductionName): Operation => {
  const random = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
    shape({ ...sizes, minRank: 1 })
      .chain((dims) => fc.tuple(name === 'max' ? distinctTensor(dims) : tensor(dims), fc.nat(dims.length - 1)))
      .map(([x, axis]) => axisCase(name, x, axis))
  return {
    name,
    values: {
      random: random(valueSizes),
      fixed: [0, 1, 2].map((axis) => axisCase(name, fixedTensor([9, 33, 17]), axis)),
    },
    smooth: { random: random(smoothSizes) },
  }
}

const softmaxCase = (x: HostTensor): Case => ({
  label: `softmax of [${x.shape}]`,
  inputs: [x],
  program: (ops, [input]) => ops.softmax(input!),
})

const softmax: Operation = {
  name: 'softmax',
  values: {
    random: shape({ ...valueSizes, minRank: 1 })
      .chain((dims) => tensor(dims))
      .map(softmaxCase),
    fixed: [
      softmaxCase(fixedTensor([30, 70])),
      // Without a shift by the maximum, exp(100) is Infinity in float32.
      softmaxCase({ shape: [3, 3], data: [100, 99, 98, -100, -101, -100, 0, 100, -100] }),
      // What a causal mask makes: one place left.
      softmaxCase({ shape: [2, 3], data: [1, -1e9, -1e9, 2, 3, -1e9] }),
    ],
  },
  smooth: {
    random: shape({ ...smoothSizes, minRank: 1 })
      .chain((dims) => tensor(dims))
      .map(softmaxCase),
    fixed: [softmaxCase(fixedTensor([3, 9]))],
  },
}

export const reduceOperations: ReadonlyArray<Operation> = [
  ...(['sum', 'max', 'cumsum'] as const).map(overAxis),
  softmax,
]
