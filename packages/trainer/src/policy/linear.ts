import { linear, type Params, residualLinear, type TensorOps } from '@durian/core'
import { weight } from './params.ts'

/**
 * Leaves out a share of what an adapter reads. A pure function of the place, so that a layer computed a second time is computed alike.
 *
 * @param place - the linear's name, and whose rows it reads where it is called twice
 */
export type Dropout<T> = (x: T, place: string) => T

/** Runs a layer; a device's `memory.scope` frees what the layer made on the way, and its weights where they are streamed. */
export type Scope = <A>(body: () => A) => A

/** How a pass through the policy's layers is made. */
export interface PassOptions<T> {
  /** Around each layer; default none, as inside a gradient. */
  readonly scope?: Scope | undefined
  /** Of the adapters' inputs; default none. */
  readonly dropout?: Dropout<T> | undefined
}

export const unscoped: Scope = (body) => body()

/** A dropout for what lies under a prefix. */
export const dropoutUnder = <T>(dropout: Dropout<T> | undefined, prefix: string): Dropout<T> | undefined =>
  dropout && ((x, place) => dropout(x, prefix + place))

/** The tensors of an adapter beside its linear's: A [r, in], B [out, r], and the number s that scales it, []. */
export const adapterNames = (name: string) =>
  ({ a: `${name}.lora_A.weight`, b: `${name}.lora_B.weight`, scaling: `${name}.lora_scaling` }) as const

/** Whether a parameter belongs to an adapter. */
export const ofAdapter = (name: string): boolean => /\.lora_(A\.weight|B\.weight|scaling)$/.test(name)

export interface LinearOptions<T> {
  readonly dropout?: Dropout<T> | undefined
  /** Only these rows of the weight: a part of the outputs. */
  readonly rows?: { readonly start: number; readonly count: number }
  /** The residual stream this one is added to, [N, out]. */
  readonly plus?: T | undefined
}

/**
 * x W^T + b of a linear of the policy, and s (x A^T) B^T on top where the parameters hold an adapter for it (Hu et al. 2021, eq. 3):
 * [N, in] -> [N, out].
 */
export const policyLinear = <T>(
  ops: TensorOps<T>,
  params: Params<T>,
  name: string,
  x: T,
  { dropout, rows, plus }: LinearOptions<T> = {},
): T => {
  const part = (tensor: T): T => {
    if (rows === undefined) return tensor
    const [, ...others] = ops.shape(tensor)
    return ops.slice(tensor, [rows.start, ...others.map(() => 0)], [rows.count, ...others])
  }
  const bias = params[`${name}.bias`]
  const own = { x, weight: part(weight(params, `${name}.weight`)), bias: bias && part(bias) }
  const { a, b, scaling } = adapterNames(name)
  const down = params[a]
  if (down === undefined && plus !== undefined) return residualLinear(ops, plus, own)
  const plain = linear(ops, x, own.weight, own.bias) // [N, out]
  if (down === undefined) return plain
  const read = dropout === undefined ? x : dropout(x, name)
  const added = linear(ops, linear(ops, read, down), part(weight(params, b))) // [N, out]
  const adapted = ops.add(plain, ops.mul(added, weight(params, scaling)))
  return plus === undefined ? adapted : ops.add(plus, adapted)
}

/** W + s B A: the weight that does what a linear and its adapter do together, [out, in]. */
export const mergedWeight = <T>(ops: TensorOps<T>, params: Params<T>, name: string): T => {
  const plain = weight(params, `${name}.weight`)
  const { a, b, scaling } = adapterNames(name)
  const down = params[a]
  if (down === undefined) return plain
  return ops.add(plain, ops.mul(ops.matmul(weight(params, b), down), weight(params, scaling)))
}
