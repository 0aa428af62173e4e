import { linear } from '../ops/derived.ts'
import { fixedTensor } from './arbitraries.ts'
import { expectClose } from './close.ts'
import { expectSameValue, readTensor, type Case } from './evaluate.ts'
import { expectSameGradients } from './gradientCase.ts'
import type { Law, Subject } from './law.ts'

const unit = { lo: -1, hi: 1 }

/** Faults that real backends have had and that give wrong numbers without an error: each has a law of its own. */
const cases: Readonly<Record<string, Case>> = {
  // tfjs-backend-wasm packs the right operand of matMul once for each tensor, whatever its shape is the next time.
  'matmul with a weight and then with a reshaped alias of it': {
    label: 'x W + y reshape(W)',
    inputs: [fixedTensor([8, 6], unit), fixedTensor([8, 4], unit), fixedTensor([6, 4], unit)],
    program: (ops, [x, y, weight]) => {
      const first = ops.matmul(x!, weight!) // [8, 4]
      const second = ops.matmul(y!, ops.reshape(weight!, [4, 6])) // [8, 6]
      return ops.concat([first, second, ops.matmul(x!, weight!)], 1)
    },
  },
  'matmul with a slice and a transpose of one weight': {
    label: 'x W[0:4] + x W^T[0:4]',
    inputs: [fixedTensor([5, 4], unit), fixedTensor([6, 6], unit)],
    program: (ops, [x, weight]) => {
      const rows = ops.slice(weight!, [0, 0], [4, 6])
      const columns = ops.slice(ops.transpose(weight!, [1, 0]), [0, 0], [4, 6])
      return ops.concat([ops.matmul(x!, rows), ops.matmul(x!, columns)], 1)
    },
  },
  // tfjs-backend-wasm adds the bias of a fused matMul once for each block of 48 along the inner axis.
  'linear with a bias and an inner size beyond 48': {
    label: 'linear of [17, 100]',
    inputs: [fixedTensor([17, 100], unit), fixedTensor([9, 100], unit), fixedTensor([9])],
    program: (ops, [x, weight, bias]) => linear(ops, x!, weight!, bias),
  },
  // tfjs-backend-wasm writes the bits of an int32 1 into a float32 one-hot: 1.4e-45.
  'rows of an identity table are one-hot': {
    label: 'embedding of an identity',
    inputs: [{ shape: [4, 4], data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] }],
    program: (ops, [identity]) => ops.embedding(identity!, Int32Array.of(3, 0, 2, 2, 1)),
  },
  'integers from the host become floating point': {
    label: 'half of integers',
    inputs: [{ shape: [4], data: Int32Array.of(1, 2, 3, -5) }],
    program: (ops, [x]) => ops.mul(x!, ops.fromHost({ shape: [], data: [0.5] })),
  },
  'bytes from the host become floating point': {
    label: 'half of bytes',
    inputs: [{ shape: [4], data: Uint8Array.of(1, 2, 3, 255) }],
    program: (ops, [x]) => ops.mul(x!, ops.fromHost({ shape: [], data: [0.5] })),
  },
  'clip keeps NaN visible': {
    label: 'clip of NaN',
    inputs: [{ shape: [3], data: [NaN, 0.5, 9] }],
    program: (ops, [x]) => ops.clip(x!, -1, 1),
  },
  'softmax keeps NaN visible': {
    label: 'softmax with NaN',
    inputs: [{ shape: [2, 2], data: [NaN, 0, 1, 1] }],
    program: (ops, [x]) => ops.softmax(x!),
  },
  'a log-prob keeps NaN visible': {
    label: 'log-probs with NaN',
    inputs: [{ shape: [2, 2], data: [NaN, 0, 1, 1] }],
    program: (ops, [x]) => ops.selectiveLogSoftmax(x!, [1, 0]).logprob,
  },
  'minimum and maximum keep NaN visible': {
    label: 'minimum and maximum with NaN',
    inputs: [
      { shape: [3], data: [NaN, 1, 2] },
      { shape: [3], data: [0, NaN, 1] },
    ],
    program: (ops, [x, y]) => ops.concat([ops.minimum(x!, y!), ops.maximum(x!, y!)], 0),
  },
  'infinities stay infinite': {
    label: 'infinities',
    inputs: [{ shape: [2], data: [Infinity, -Infinity] }],
    program: (ops, [x]) => ops.concat([ops.neg(x!), ops.abs(x!), ops.exp(x!)], 0),
  },
}

/** A reshaped, transposed or kept tensor owns its numbers: freeing the source must not reach it. */
const aliasLaw = <T>({ backend, tolerance }: Subject<T>): Law => ({
  name: 'silent fault: a reshaped tensor survives its source',
  check: async () => {
    const { ops, memory } = backend
    const source = ops.fromHost({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] })
    const alias = ops.reshape(source, [3, 2])
    memory.free(source)
    const later = ops.fromHost({ shape: [2, 3], data: [9, 9, 9, 9, 9, 9] })
    const expected = { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] }
    expectClose('alias of a freed tensor', await readTensor(backend, alias), expected, tolerance)
    memory.free([alias, later])
  },
})

/** A new weight of the old one's shape: nothing remembered of the old one may take part. */
const replacedWeightLaw = <T>({ backend, tolerance }: Subject<T>): Law => ({
  name: 'silent fault: a weight that replaces another is used',
  check: async () => {
    const { ops, memory } = backend
    const x = ops.fromHost({ shape: [1, 2], data: [1, 2] })
    for (const factor of [1, 3, -2]) {
      const weight = ops.fromHost({ shape: [2, 2], data: [factor, 0, 0, factor] })
      const product = ops.matmul(x, weight)
      const expected = { shape: [1, 2], data: [factor, 2 * factor] }
      expectClose(`x times ${factor} I`, await readTensor(backend, product), expected, tolerance)
      memory.free([weight, product])
    }
    memory.free(x)
  },
})

export const silentFaultLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> => [
  ...Object.entries(cases).map(([name, one]) => ({
    name: `silent fault: ${name}`,
    check: () => expectSameValue(subject, one),
  })),
  aliasLaw(subject),
  replacedWeightLaw(subject),
  {
    // The weight's gradient is a matmul with transposed operands, its input's one with the weight: all three on one tensor.
    name: 'silent fault: gradients through a weight and its reshaped alias',
    check: () =>
      expectSameGradients(subject, {
        label: 'x W and y reshape(W)',
        params: {
          x: fixedTensor([3, 6], unit),
          y: fixedTensor([3, 4], unit),
          weight: fixedTensor([6, 4], { lo: -1, hi: 1, offset: 1 / 1024 }),
        },
        program: (ops, { x, y, weight }) =>
          ops.concat([ops.matmul(x!, weight!), ops.matmul(y!, ops.reshape(weight!, [4, 6]))], 1),
      }),
  },
]
