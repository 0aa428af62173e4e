import { ShapeError, sizeOf, type Fused, type TensorOps } from '@durian/core'
import { broughtOps } from './kernels/brought.ts'
import { run } from './kernels/define.ts'
import { rowIds } from './kernels/rows.ts'
import { untaped, type Tensor, type Tf } from './tf.ts'

/** The algebra over tfjs: stock kernels where they are right, `Durian…` kernels where they are not. */
export const tfjsOps = (tf: Tf, backendName: string): TensorOps<Tensor> => ({
  fromHost: ({ shape, data }) => {
    if (sizeOf(shape) !== data.length) {
      throw new ShapeError(`shape [${shape}] holds ${sizeOf(shape)} elements, the data ${data.length}`)
    }
    // copied: on the cpu and tensorflow backends a tensor may otherwise share the caller's buffer
    return tf.tensor(Float32Array.from(data), [...shape], 'float32')
  },
  shape: (x) => x.shape,

  add: (a, b) => tf.add(a, b),
  sub: (a, b) => tf.sub(a, b),
  mul: (a, b) => tf.mul(a, b),
  div: (a, b) => tf.div(a, b),
  minimum: (a, b) => run(tf, 'DurianMinimum', { a, b }),
  maximum: (a, b) => run(tf, 'DurianMaximum', { a, b }),

  neg: (x) => tf.neg(x),
  exp: (x) => tf.exp(x),
  log: (x) => tf.log(x),
  sqrt: (x) => tf.sqrt(x),
  square: (x) => tf.square(x),
  abs: (x) => run(tf, 'DurianAbs', { x }),
  tanh: (x) => tf.tanh(x),
  sigmoid: (x) => tf.sigmoid(x),
  erf: (x) => tf.erf(x),
  clip: (x, lo, hi) => {
    if (!(lo <= hi)) throw new ShapeError(`clip: the interval [${lo}, ${hi}] is empty`)
    return run(tf, 'DurianClip', { x }, { lo, hi })
  },

  sum: (x, axis) => run(tf, 'DurianSum', { x }, { axis: checkedAxis('sum', x, axis) }),
  max: (x, axis) => tf.max(x, checkedAxis('max', x, axis), true),
  cumsum: (x, axis) => run(tf, 'DurianCumsum', { x }, { axis: checkedAxis('cumsum', x, axis) }),
  softmax: (x) => {
    if (x.shape.length === 0) throw new ShapeError('softmax: [] has no last axis')
    return run(tf, 'DurianSoftmax', { x })
  },

  matmul: (a, b, { transposeA = false, transposeB = false } = {}) => {
    const rank = a.shape.length
    const batch = a.shape.slice(0, -2)
    if (rank < 2 || b.shape.length !== rank || batch.some((size, axis) => size !== b.shape[axis])) {
      throw new ShapeError(`matmul: [${a.shape}] x [${b.shape}] needs equal ranks of at least 2 and equal leading axes`)
    }
    const inner = a.shape[transposeA ? rank - 2 : rank - 1]
    const innerOfB = b.shape[transposeB ? rank - 1 : rank - 2]
    if (inner !== innerOfB) {
      throw new ShapeError(`matmul: [${a.shape}] x [${b.shape}] has inner sizes ${inner} and ${innerOfB}`)
    }
    return tf.matMul(a, b, transposeA, transposeB)
  },

  reshape: (x, shape) => {
    if (sizeOf(shape) !== x.size) throw new ShapeError(`reshape: [${x.shape}] does not fit into [${shape}]`)
    return tf.reshape(x, [...shape])
  },
  transpose: (x, permutation) => {
    const axes = [...permutation].sort((a, b) => a - b)
    if (axes.length !== x.shape.length || axes.some((axis, i) => axis !== i)) {
      throw new ShapeError(`transpose: [${permutation}] is not a permutation of the axes of [${x.shape}]`)
    }
    return tf.transpose(x, [...permutation])
  },
  slice: (x, begin, size) => {
    const fits =
      begin.length === x.shape.length &&
      size.length === x.shape.length &&
      x.shape.every((n, axis) => begin[axis]! >= 0 && size[axis]! >= 0 && begin[axis]! + size[axis]! <= n)
    if (!fits) throw new ShapeError(`slice: begin [${begin}] and size [${size}] do not lie inside [${x.shape}]`)
    return tf.slice(x, [...begin], [...size])
  },
  concat: (xs, axis) => {
    const first = xs[0]
    if (first === undefined) throw new ShapeError('concat: there is nothing to put together')
    checkedAxis('concat', first, axis)
    for (const x of xs) {
      const fits = x.shape.length === first.shape.length && x.shape.every((n, i) => i === axis || n === first.shape[i])
      if (!fits) throw new ShapeError(`concat: [${first.shape}] and [${x.shape}] differ outside axis ${axis}`)
    }
    return tf.concat([...xs], axis)
  },

  embedding: (table, ids) => {
    if (table.shape.length !== 2) throw new ShapeError(`embedding: the table must be [V, d], got [${table.shape}]`)
    return run(tf, 'DurianEmbedding', { table }, { ids: rowIds('embedding', ids, table.shape[0]) })
  },
  selectiveLogSoftmax: (logits, ids) => {
    const [rows, width] = logits.shape
    if (logits.shape.length !== 2 || rows === undefined || width === undefined || rows !== ids.length) {
      throw new ShapeError(`selectiveLogSoftmax: logits [${logits.shape}] and ${ids.length} ids are not [N, V] and N`)
    }
    const attributes = { ids: rowIds('selectiveLogSoftmax', ids, width) }
    const [logprob, entropy] = run<Tensor[]>(tf, 'DurianSelectiveLogSoftmax', { logits }, attributes)
    return { logprob: logprob!, entropy: entropy! }
  },

  // made outside the tape, so the backward pass does not walk what lies before it
  stopGradient: (x) => untaped(tf, () => tf.clone(x)),

  fused: { ...fusedOps(tf), ...broughtOps(tf, backendName) },
})

const fusedOps = (tf: Tf): Pick<Fused<Tensor>, 'rmsNorm' | 'swiglu' | 'headScores'> => ({
  rmsNorm: (x, weight, epsilon) => {
    const [, width, ...more] = x.shape
    if (width === undefined || more.length > 0 || weight.shape.join() !== String(width)) {
      throw new ShapeError(`rmsNorm: [${x.shape}] and [${weight.shape}] are not [N, d] and [d]`)
    }
    return run(tf, 'DurianRmsNorm', { x, weight }, { epsilon })
  },
  swiglu: (gate, up) => {
    if (gate.shape.join() !== up.shape.join()) {
      throw new ShapeError(`swiglu: gate [${gate.shape}] and up [${up.shape}] differ`)
    }
    return run(tf, 'DurianSwiglu', { gate, up })
  },
  headScores: (x, table, { ids, rowsAtOnce }) => {
    const [rows, width] = x.shape
    const [words, widthOfTable] = table.shape
    if (x.shape.length !== 2 || table.shape.length !== 2 || rows !== ids.length || width !== widthOfTable) {
      throw new ShapeError(
        `headScores: [${x.shape}], [${table.shape}] and ${ids.length} ids are not [N, d], [V, d] and N`,
      )
    }
    const attributes = { ids: rowIds('headScores', ids, words), rowsAtOnce }
    const [logprob, entropy] = run<Tensor[]>(tf, 'DurianHeadScores', { x, table }, attributes)
    return { logprob: logprob!, entropy: entropy! }
  },
})

const checkedAxis = (operation: string, x: Tensor, axis: number): number => {
  if (!Number.isInteger(axis) || axis < 0 || axis >= x.shape.length) {
    throw new ShapeError(`${operation}: axis ${axis} is not one of the ${x.shape.length} axes of [${x.shape}]`)
  }
  return axis
}
