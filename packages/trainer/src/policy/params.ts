import {
  type Backend,
  narrowed,
  type Params,
  residentWeights,
  ShapeError,
  type TensorOps,
  type WeightSource,
} from '@durian/core'

/** A weight by its name; its absence is a mistake of the program, since files are checked when they are read. */
export const weight = <T>(params: Params<T>, name: string): T => {
  const found = params[name]
  if (found === undefined) throw new ShapeError(`the policy has no weight '${name}'`)
  return found
}

/**
 * A weight that does not move, as products read it: a matrix in 16 bits alone where the backend computes in mixed precision, else as it is.
 * Takes the tensor over.
 */
export const frozenWeight = <T>({ ops, memory }: Pick<Backend<T>, 'ops' | 'memory'>, x: T): T => {
  if (ops.fused?.narrowed === undefined || ops.shape(x).length < 2) return x
  const half = memory.scope(() => narrowed(ops, x))
  memory.free(x)
  return half
}

/** `frozenWeight` of each. */
export const frozenParams = <T>(backend: Pick<Backend<T>, 'ops' | 'memory'>, params: Params<T>): Params<T> =>
  Object.fromEntries(Object.entries(params).map(([name, x]) => [name, frozenWeight(backend, x)]))

/** A policy's weights: parameters on the device over a base that does not move. Without a base the parameters are all there is. */
export const policyWeights = <T>(params: Params<T>, base?: WeightSource<T>): WeightSource<T> => {
  const own = residentWeights(params)
  return base === undefined ? own : { ...base, under: (prefix) => ({ ...base.under(prefix), ...own.under(prefix) }) }
}

/** What the decoder reads for words: N ids -> [N, d]. */
export const wordEmbeddings = <T>(ops: TensorOps<T>, weights: WeightSource<T>, ids: Int32Array): T =>
  weights.rows?.('model.embed_tokens.weight', ids) ??
  ops.embedding(weight(weights.under('model.embed_tokens.'), 'weight'), ids)
