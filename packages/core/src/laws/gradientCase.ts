import { sumAll } from '../ops/derived.ts'
import { referenceOps, type RefTensor } from '../ops/reference.ts'
import type { Shape } from '../ops/shape.ts'
import type { HostTensor, TensorOps } from '../ops/tensorOps.ts'
import type { Params } from '../port/backend.ts'
import { fixedTensor } from './arbitraries.ts'
import { centralDifferences, createFreezer, freezableOps } from './centralDifferences.ts'
import { expectClose } from './close.ts'
import { readTensor, type Case } from './evaluate.ts'
import type { Subject } from './law.ts'

/** A program over named parameters; its result may have any shape. */
export type ParamProgram = <T>(ops: TensorOps<T>, params: Params<T>) => T

export interface GradientCase {
  readonly label: string
  readonly params: Params<HostTensor>
  readonly program: ParamProgram
  /** Shape of the result, for a program the reference cannot run. */
  readonly shape?: Shape
}

/** A primitive's case with its inputs as parameters. */
export const gradientCase = ({ label, inputs, program }: Case): GradientCase => ({
  label: `gradient of ${label}`,
  params: Object.fromEntries(inputs.map((x, i) => [`input${i}`, x])),
  program: (ops, params) =>
    program(
      ops,
      inputs.map((_, i) => params[`input${i}`]!),
    ),
})

/** sum(program * c) with a fixed c of either sign: a plain sum would hide transposed and permuted gradients. */
const scalarOf =
  ({ program }: GradientCase, cotangent: HostTensor) =>
  <T>(ops: TensorOps<T>, params: Params<T>): T =>
    sumAll(ops, ops.mul(program(ops, params), ops.fromHost(cotangent)))

const cotangentOf = ({ program, params, shape }: GradientCase): HostTensor =>
  fixedTensor(shape ?? program(referenceOps, onReference(params)).shape, { lo: -1, hi: 1, offset: 1 / 1024 })

const onReference = (params: Params<HostTensor>): Params<RefTensor> => mapParams(params, referenceOps.fromHost)

const mapParams = <A, B>(params: Params<A>, f: (x: A) => B): Params<B> =>
  Object.fromEntries(Object.entries(params).map(([name, x]) => [name, f(x)]))

/** Value and gradients of the case by central differences of the same program on the reference, in float64. */
export const expectedGradients = (one: GradientCase) => {
  const freezer = createFreezer()
  const ops = freezableOps(freezer)
  const loss = scalarOf(one, cotangentOf(one))
  return centralDifferences(freezer, (params) => loss(ops, params).data[0]!, onReference(one.params))
}

/** The subject's value and gradients, read; nothing stays behind. */
export const actualGradients = async <T>(
  { backend }: Subject<T>,
  one: GradientCase,
): Promise<{ readonly value: HostTensor; readonly grads: Params<HostTensor> }> => {
  const { ops, gradients, memory } = backend
  const loss = scalarOf(one, cotangentOf(one))
  const result = memory.scope(() =>
    gradients.valueAndGrad((params: Params<T>) => ({ value: loss(ops, params), aux: null }))(
      mapParams(one.params, ops.fromHost),
    ),
  )
  try {
    const grads: Record<string, HostTensor> = {}
    for (const [name, grad] of Object.entries(result.grads)) grads[name] = await readTensor(backend, grad)
    return { value: await readTensor(backend, result.value), grads }
  } finally {
    memory.free([result.value, result.grads])
  }
}

export const expectSameGradients = async <T>(subject: Subject<T>, one: GradientCase): Promise<void> => {
  const tolerance = subject.gradientTolerance ?? subject.tolerance
  const expected = expectedGradients(one)
  const actual = await actualGradients(subject, one)
  expectClose(`${one.label}: value`, actual.value, { shape: [], data: [expected.value] }, tolerance)
  for (const name of Object.keys(one.params)) {
    const grad = actual.grads[name]
    if (grad === undefined) throw new Error(`${one.label}: no gradient for ${name}`)
    expectClose(`${one.label}, for ${name}`, grad, expected.grads[name]!, tolerance)
  }
}
