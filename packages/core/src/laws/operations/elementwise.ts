import fc from 'fast-check'
import type { HostTensor } from '../../ops/tensorOps.ts'
import {
  fixedTensor,
  modest,
  operandShape,
  positive,
  shape,
  tensor,
  tensorAwayFromZero,
  type Grid,
  type ShapeLimits,
} from '../arbitraries.ts'
import type { Case, Program } from '../evaluate.ts'
import { smoothSizes, valueSizes, type Operation } from './operation.ts'

type BinaryName = 'add' | 'sub' | 'mul' | 'div' | 'minimum' | 'maximum'
type UnaryName = 'neg' | 'exp' | 'log' | 'sqrt' | 'square' | 'abs' | 'tanh' | 'sigmoid' | 'erf' | 'stopGradient'

const binaryCase = (name: BinaryName, a: HostTensor, b: HostTensor): Case => ({
  label: `${name} of [${a.shape}] and [${b.shape}]`,
  inputs: [a, b],
  program: (ops, [x, y]) => ops[name](x!, y!),
})

/** The second operand lies between the grid points of the first: no ties for minimum and maximum, no zero for div. */
const between: Grid = { ...modest, offset: 1 / 1024 }

const binary = (name: BinaryName): Operation => {
  const random = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
    shape(sizes)
      .chain((whole) => fc.tuple(operandShape(whole), operandShape(whole)))
      .chain(([a, b]) => fc.tuple(tensor(a), name === 'div' ? tensorAwayFromZero(b) : tensor(b, between)))
      .map(([a, b]) => binaryCase(name, a, b))
  return {
    name,
    values: {
      random: random(valueSizes),
      fixed: [
        binaryCase(name, fixedTensor([40, 50], between), fixedTensor([40, 50], positive)),
        binaryCase(name, fixedTensor([40, 1], between), fixedTensor([1, 50], positive)),
        binaryCase(name, fixedTensor([], between), fixedTensor([3, 2, 1, 2, 1, 3], positive)),
        binaryCase(name, fixedTensor([3, 1, 2, 2, 1, 3], between), fixedTensor([2, 1], positive)),
      ],
    },
    smooth: {
      random: random(smoothSizes),
      fixed: [
        binaryCase(name, fixedTensor([4, 3], between), fixedTensor([4, 3], positive)),
        binaryCase(name, fixedTensor([3], between), fixedTensor([4, 3], positive)),
        binaryCase(name, fixedTensor([4, 3], between), fixedTensor([4, 1], positive)),
        binaryCase(name, fixedTensor([4, 3], between), fixedTensor([], positive)),
        binaryCase(name, fixedTensor([4, 1], between), fixedTensor([1, 3], positive)),
      ],
    },
  }
}

const unaryCase = (name: UnaryName, x: HostTensor): Case => ({
  label: `${name} of [${x.shape}]`,
  inputs: [x],
  program: (ops, [input]) => ops[name](input!),
})

const unary = (name: UnaryName, grid: Grid, tails: ReadonlyArray<number> = []): Operation => {
  const random = (sizes: ShapeLimits): fc.Arbitrary<Case> =>
    shape(sizes)
      .chain((dims) => (name === 'abs' ? tensorAwayFromZero(dims) : tensor(dims, grid)))
      .map((x) => unaryCase(name, x))
  return {
    name,
    values: {
      random: random(valueSizes),
      fixed: [
        unaryCase(name, fixedTensor([40, 50], grid)),
        unaryCase(name, { shape: [tails.length + 1], data: [1, ...tails] }),
      ],
    },
    // stopGradient is no function with a derivative: its law is its own.
    ...(name === 'stopGradient' ? {} : { smooth: { random: random(smoothSizes) } }),
  }
}

const clipCase =
  (lo: number, hi: number) =>
  (x: HostTensor): Case => {
    const program: Program = (ops, [input]) => ops.clip(input!, lo, hi)
    return { label: `clip of [${x.shape}] to [${lo}, ${hi}]`, inputs: [x], program }
  }

const clip: Operation = {
  name: 'clip',
  values: {
    random: shape(valueSizes)
      .chain((dims) => tensor(dims))
      .map(clipCase(-1.5, 0.75)),
    fixed: [fixedTensor([40, 50]), { shape: [4], data: [-1e30, 1e30, -1.5, 0.75] }].map(clipCase(-1.5, 0.75)),
  },
  smooth: {
    random: shape(smoothSizes)
      .chain((dims) => tensor(dims, between))
      .map(clipCase(-1.5, 0.75)),
    fixed: [clipCase(-1.5, 0.75)(fixedTensor([5, 5], between))],
  },
}

const fromHost: Operation = {
  name: 'fromHost',
  values: {
    random: shape(valueSizes)
      .chain((dims) => tensor(dims))
      .map((x) => ({ label: `fromHost of [${x.shape}]`, inputs: [x], program: (_, [y]) => y! })),
  },
}

export const elementwiseOperations: ReadonlyArray<Operation> = [
  fromHost,
  ...(['add', 'sub', 'mul', 'div', 'minimum', 'maximum'] as const).map(binary),
  unary('neg', modest),
  unary('exp', modest, [-80, 60]),
  unary('log', positive, [1e-30, 1e30]),
  unary('sqrt', positive, [0, 1e-30, 1e30]),
  unary('square', modest),
  unary('abs', modest, [0]),
  unary('tanh', modest, [-30, 30]),
  unary('sigmoid', modest, [-80, 80]),
  unary('erf', modest, [0, 0.001, -8, 8]),
  unary('stopGradient', modest),
  clip,
]
