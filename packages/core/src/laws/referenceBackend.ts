import { E } from '../fp.ts'
import { referenceOps, type RefTensor } from '../ops/reference.ts'
import { ShapeError, sizeOf } from '../ops/shape.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { Backend, Gradients, Params } from '../port/backend.ts'
import { bracketOf } from '../port/bracket.ts'
import { concatKvCaches } from '../port/kvCache.ts'
import { treeWalks } from '../port/tree.ts'
import { centralDifferences, createFreezer, freezableOps } from './centralDifferences.ts'
import { createLedger } from './ledger.ts'

const isRefTensor = (x: unknown): x is RefTensor =>
  typeof x === 'object' && x !== null && 'data' in x && x.data instanceof Float64Array && 'shape' in x

/**
 * The reference interpreter as a whole backend, for tests of programs that need a port: it counts its live tensors,
 * refuses a freed one, and differentiates by central differences (two runs a number: for a few hundred parameters).
 *
 * @param change - replaces operations, e.g. by wrong ones to see a law fail
 */
export const referenceBackend = (
  change: (ops: TensorOps<RefTensor>) => Partial<TensorOps<RefTensor>> = () => ({}),
): Backend<RefTensor> => {
  const walks = treeWalks(isRefTensor)
  const ledger = createLedger(walks)
  const freezer = createFreezer()
  const base = freezableOps(freezer)
  const ops = ledger.watched({ ...base, ...change(base) })
  const { scope, free, liveTensors, bytes } = ledger
  const number = (value: RefTensor): number => {
    if (sizeOf(value.shape) !== 1)
      throw new ShapeError(`valueAndGrad needs a scalar, the function returned [${value.shape}]`)
    return value.data[0]!
  }
  const differentiated = <P extends Params<RefTensor>>(f: (params: P) => RefTensor, params: P): P => {
    const at = (moved: Params<RefTensor>): number =>
      number(scope(() => referenceOps.stopGradient(f(ledger.adopted(moved) as P))))
    return ledger.adopted(centralDifferences(freezer, at, params).grads) as P
  }

  const gradients: Gradients<RefTensor> = {
    valueAndGrad: (f) => (params) =>
      scope(() => {
        const { value, aux } = f(params)
        number(value)
        return { value, grads: differentiated((moved) => f(moved).value, params), aux }
      }),
    vjp: (f) => (inputs, cotangent) =>
      scope(() => {
        const names = inputs.map((_, i) => `${i}`)
        const named = Object.fromEntries(names.map((name, i) => [name, inputs[i]!]))
        const pulled = (params: Params<RefTensor>): RefTensor => {
          const product = ops.mul(f(names.map((name) => params[name]!)), cotangent)
          return ops.reshape(ops.sum(ops.reshape(product, [sizeOf(ops.shape(product))]), 0), [])
        }
        const grads = differentiated(pulled, named)
        return { value: f(inputs), grads: names.map((name) => grads[name]!) }
      }),
  }

  return {
    name: 'reference',
    info: { backend: 'reference', description: 'float64 in TypeScript, gradients by central differences' },
    ops,
    gradients,
    memory: { scope, free, liveTensors, bytes, bracket: bracketOf(walks, free) },
    transfer: { read: (x) => () => Promise.resolve(E.right(Float32Array.from(x.data))) },
    kvCaches: concatKvCaches(ops, { scope, free }),
  }
}
