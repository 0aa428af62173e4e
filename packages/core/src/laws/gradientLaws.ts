import { expectClose } from './close.ts'
import { lawOfCases, readTensor } from './evaluate.ts'
import { expectSameGradients, gradientCase } from './gradientCase.ts'
import type { Law, Subject } from './law.ts'
import { lossPrograms } from './losses.ts'
import { operations } from './operations/all.ts'
import { compositePrograms } from './programs.ts'

/** The backend's automatic differentiation equals central differences of the same program on the reference, in float64. */
export const gradientLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> => [
  ...operations.flatMap(({ name, smooth }) =>
    smooth === undefined
      ? []
      : [lawOfCases(subject, `gradient: ${name}`, smooth, (one) => expectSameGradients(subject, gradientCase(one)))],
  ),
  ...[...compositePrograms, ...lossPrograms].map((one) => ({
    name: `gradient: ${one.name}`,
    check: () => expectSameGradients(subject, one),
  })),
  vjpLaw(subject),
  auxLaw(subject),
]

/** d(c . (a b))/da = c b^T and /db = a^T c, by hand: no differences needed. */
const vjpLaw = <T>({ backend, tolerance, gradientTolerance = tolerance }: Subject<T>): Law => ({
  name: 'gradient: vjp pulls a cotangent back',
  check: async () => {
    const { ops, gradients, memory } = backend
    const result = memory.scope(() => {
      const a = ops.fromHost({ shape: [2, 3], data: [1, 2, 3, -1, 0.5, 2] })
      const b = ops.fromHost({ shape: [3, 2], data: [2, -1, 0, 1, 1, 3] })
      const cotangent = ops.fromHost({ shape: [2, 2], data: [1, 0, -2, 0.5] })
      return gradients.vjp(([x, y]) => ops.matmul(x!, y!))([a, b], cotangent)
    })
    const [gradA, gradB] = result.grads
    const expected = [
      { x: result.value, shape: [2, 2], data: [5, 10, 0, 7.5] },
      { x: gradA!, shape: [2, 3], data: [2, 0, 1, -4.5, 0.5, -0.5] },
      { x: gradB!, shape: [3, 2], data: [3, -0.5, 1, 0.25, -1, 1] },
    ]
    for (const { x, shape, data } of expected) {
      expectClose('vjp of a matmul', await readTensor(backend, x), { shape, data }, gradientTolerance)
    }
    memory.free([result.value, result.grads])
  },
})

/** What `f` reports beside its value comes back untouched, in its own arrangement. */
const auxLaw = <T>({ backend, tolerance }: Subject<T>): Law => ({
  name: 'gradient: aux comes back with its numbers',
  check: async () => {
    const { ops, gradients, memory } = backend
    const result = memory.scope(() => {
      const x = ops.fromHost({ shape: [2], data: [3, 4] })
      return gradients.valueAndGrad(({ x: y }: { readonly x: T }) => {
        const squares = ops.square(y)
        return { value: ops.reshape(ops.sum(squares, 0), []), aux: { tensors: [squares], count: 2 } }
      })({ x })
    })
    const { aux } = result
    const [squares] = aux.tensors
    expectClose('aux tensor', await readTensor(backend, squares!), { shape: [2], data: [9, 16] }, tolerance)
    expectClose('gradient', await readTensor(backend, result.grads.x), { shape: [2], data: [6, 8] }, tolerance)
    if (aux.count !== 2) throw new Error(`aux: got count ${aux.count}, expected 2`)
    memory.free([result.value, result.grads, aux.tensors])
  },
})
