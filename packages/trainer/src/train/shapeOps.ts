import { type Fused, type Shape, ShapeError, sizeOf, type TensorOps } from '@durian/core'

/** A tensor of which only the shape is known. */
export interface Sketch {
  readonly shape: Shape
  /** Whether a gradient passes through it. */
  readonly moves: boolean
  /** What the gradient of each use allocates, bytes, in the order of use; 0 where it is another name for a tensor that is there. */
  readonly uses: number[]
}

export interface ShapeTrace {
  readonly ops: TensorOps<Sketch>
  /** A tensor that exists already: a weight, or what a step before has made. */
  readonly given: (shape: Shape, options?: { readonly moves: boolean }) => Sketch
  /** Bytes made by all operations up to now, and the bytes of their gradients if everything is differentiated at once. */
  readonly bytes: () => { readonly forward: number; readonly backward: number }
}

export type FusedName = keyof Fused<unknown>

/** What every tfjs backend of ours fuses. */
const everywhere: ReadonlyArray<FusedName> = ['rmsNorm', 'swiglu', 'headScores']

const FLOAT = 4
const bytesOf = (shape: Shape): number => FLOAT * sizeOf(shape)

const broadcast = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length)
  const size = (shape: Shape, axis: number): number => shape[axis - rank + shape.length] ?? 1
  return Array.from({ length: rank }, (_, axis) => Math.max(size(a, axis), size(b, axis)))
}

/**
 * Run a program on shapes alone and add up what it would allocate. tfjs frees nothing inside a gradient: what is made forwards and what
 * is made backwards live together at its end, so that both sums together are the peak.
 *
 * @param fused - the backend's own kernels: what they replace is not allocated
 */
export const shapeTrace = (fused: ReadonlyArray<FusedName> = everywhere): ShapeTrace => {
  let forward = 0
  const tensors: Sketch[] = []

  const known = (shape: Shape, moves: boolean): Sketch => {
    const sketch: Sketch = { shape, moves, uses: [] }
    tensors.push(sketch)
    return sketch
  }
  const made = (shape: Shape, ...inputs: ReadonlyArray<Sketch>): Sketch => {
    forward += bytesOf(shape)
    return known(
      shape,
      inputs.some(({ moves }) => moves),
    )
  }
  const used = (x: Sketch, bytes = bytesOf(x.shape)): void => {
    if (x.moves) x.uses.push(bytes)
  }
  const unary = (x: Sketch): Sketch => {
    used(x)
    return made(x.shape, x)
  }
  const binary =
    (ofFirst: boolean, ofSecond: boolean) =>
    (a: Sketch, b: Sketch): Sketch => {
      const shape = broadcast(a.shape, b.shape)
      const reduced = (x: Sketch): boolean => sizeOf(x.shape) !== sizeOf(shape)
      used(a, ofFirst || reduced(a) ? bytesOf(a.shape) : 0)
      used(b, ofSecond || reduced(b) ? bytesOf(b.shape) : 0)
      return made(shape, a, b)
    }
  const reduced = (x: Sketch, axis: number): Sketch => {
    used(x)
    return made(x.shape.with(axis, 1), x)
  }
  const scores = (rows: number, inputs: ReadonlyArray<Sketch>) => {
    inputs.forEach((x) => used(x))
    return { logprob: made([rows], ...inputs), entropy: made([rows]) }
  }

  const kernels: Partial<Fused<Sketch>> = {
    rmsNorm: (x, weight) => {
      used(x)
      used(weight)
      return made(x.shape, x, weight)
    },
    swiglu: binary(true, true),
    headScores: (x, table, { ids }) => scores(ids.length, [x, table]),
    linear: (x, weight, { bias, plus } = {}) => {
      const added = [bias, plus].filter((tensor) => tensor !== undefined)
      used(x)
      used(weight)
      if (bias !== undefined) used(bias)
      if (plus !== undefined) used(plus, 0)
      return made([x.shape[0]!, weight.shape[0]!], x, weight, ...added)
    },
    attention: (queries, { keys, values, shared }) => {
      const inputs = [queries, keys, values, ...(shared === undefined ? [] : [shared.keys, shared.values])]
      inputs.forEach((x) => used(x))
      made([queries.shape[0]!, queries.shape[1]!]) // ln of each row's total, for the gradient
      return made(queries.shape, ...inputs)
    },
    rotary: (x) => unary(x),
  }

  const ops: TensorOps<Sketch> = {
    fromHost: ({ shape }) => made(shape),
    shape: ({ shape }) => shape,
    add: binary(false, false),
    sub: binary(false, true),
    mul: binary(true, true),
    div: binary(true, true),
    minimum: binary(true, true),
    maximum: binary(true, true),
    neg: unary,
    exp: unary,
    log: unary,
    sqrt: unary,
    square: unary,
    abs: unary,
    tanh: unary,
    sigmoid: unary,
    erf: unary,
    clip: unary,
    softmax: unary,
    cumsum: unary,
    sum: reduced,
    max: reduced,
    matmul: (a, b, { transposeA = false, transposeB = false } = {}) => {
      const rank = a.shape.length
      const rows = a.shape[transposeA ? rank - 1 : rank - 2]
      const columns = b.shape[transposeB ? rank - 2 : rank - 1]
      if (rows === undefined || columns === undefined) throw new ShapeError(`matmul: [${a.shape}] x [${b.shape}]`)
      used(a)
      used(b)
      return made([...a.shape.slice(0, -2), rows, columns], a, b)
    },
    reshape: (x, shape) => {
      used(x, 0)
      return known(shape, x.moves)
    },
    transpose: (x, permutation) => {
      used(x)
      return made(
        permutation.map((axis) => x.shape[axis]!),
        x,
      )
    },
    slice: (x, _, size) => {
      used(x)
      return made(size, x)
    },
    concat: (xs, axis) => {
      xs.forEach((x) => used(x))
      const total = xs.reduce((sum, { shape }) => sum + shape[axis]!, 0)
      return made(xs[0]!.shape.with(axis, total), ...xs)
    },
    embedding: (table, ids) => {
      used(table)
      return made([ids.length, table.shape[1]!], table)
    },
    selectiveLogSoftmax: (logits, ids) => scores(ids.length, [logits]),
    stopGradient: ({ shape }) => known(shape, false),
    fused: Object.fromEntries(Object.entries(kernels).filter(([name]) => fused.includes(name as FusedName))),
  }

  /** Gradients of several uses are added up: the sum is new, the first one is freed, the others stay until the end. */
  const gradientBytes = ({ shape, uses }: Sketch): number => {
    const total = uses.reduce((sum, bytes) => sum + bytes, 0)
    return uses.length < 2 ? total : total + bytesOf(shape) - uses.at(-1)!
  }

  return {
    ops,
    given: (shape, { moves } = { moves: true }) => known(shape, moves),
    bytes: () => ({ forward, backward: tensors.reduce((sum, sketch) => sum + gradientBytes(sketch), 0) }),
  }
}
