import { sizeOf } from '@durian/core'
import type { Tensor, Tf } from '../tf.ts'
import { run, together, type Kernel } from './define.ts'

export type SumAttributes = { readonly axis: number }
export type SumGradAttributes = SumAttributes & { readonly size: number }
export type RmsNormAttributes = { readonly epsilon: number }

/** x as [outer, axis, inner], another name for the same numbers: some of WebGPU's kernels end at four axes. */
const around = (tf: Tf, x: Tensor, axis: number): Tensor =>
  tf.reshape(x, [sizeOf(x.shape.slice(0, axis)), x.shape[axis]!, sizeOf(x.shape.slice(axis + 1))])

/** Sum over one axis, which stays. tfjs's own gradient multiplies by a tensor of ones that it makes on the host. */
const sum = (tf: Tf): ReadonlyArray<Kernel> => [
  {
    name: 'DurianSum',
    forward: ({ x }, { axis }: SumAttributes) => tf.sum(x!, axis, true),
    gradient: {
      saveInputs: ['x'],
      pullBack: ([dy], [x], { axis }: SumAttributes) => ({
        x: () => run(tf, 'DurianSumGrad', { dy: dy! }, { axis, size: x!.shape[axis]! }),
      }),
    },
  },
  {
    name: 'DurianSumGrad',
    forward: ({ dy }, { axis, size }: SumGradAttributes) => {
      const tiled = tf.tile(around(tf, dy!, axis), [1, size, 1])
      return tf.reshape(
        tiled,
        dy!.shape.map((n, i) => (i === axis ? size : n)),
      )
    },
  },
]

/** Running sum along an axis; tfjs's own gradient comes back transposed unless the axis is the last. */
const cumsum = (tf: Tf): Kernel => {
  const along = (x: Tensor, axis: number, direction: 'forward' | 'backward'): Tensor =>
    tf.reshape(tf.cumsum(around(tf, x, axis), 1, false, direction === 'backward'), x.shape)
  return {
    name: 'DurianCumsum',
    forward: ({ x }, { axis }: SumAttributes) => along(x!, axis, 'forward'),
    gradient: {
      pullBack: ([dy], _, { axis }: SumAttributes) => ({ x: () => along(dy!, axis, 'backward') }),
    },
  }
}

/** e^x / sum e^x over the last axis; gradient (dy - sum(dy y)) y. */
const softmax = (tf: Tf): ReadonlyArray<Kernel> => [
  {
    name: 'DurianSoftmax',
    forward: ({ x }) => tf.softmax(x!),
    gradient: {
      saveOutputs: [true],
      pullBack: ([dy], [y]) => ({ x: () => run(tf, 'DurianSoftmaxGrad', { dy: dy!, y: y! }) }),
    },
  },
  {
    name: 'DurianSoftmaxGrad',
    forward: ({ dy, y }) => tf.mul(tf.sub(dy!, tf.sum(tf.mul(dy!, y!), -1, true)), y!),
  },
]

/** x k w with k = 1 / sqrt(mean x^2 + epsilon): [N, d], [d] -> [N, d]. */
const rmsNorm = (tf: Tf): ReadonlyArray<Kernel> => {
  // the kernel itself: tf.mean casts what is float32 already, one more operation of four
  const mean = (x: Tensor): Tensor => tf.engine().runKernel('Mean', { x }, { axis: [1], keepDims: true })
  const inverse = (x: Tensor, epsilon: number): Tensor => tf.rsqrt(tf.add(mean(tf.square(x)), epsilon))
  return [
    {
      name: 'DurianRmsNorm',
      forward: ({ x, weight }, { epsilon }: RmsNormAttributes) => tf.mul(tf.mul(x!, inverse(x!, epsilon)), weight!),
      gradient: {
        saveInputs: ['x', 'weight'],
        pullBack: ([dy], [x, weight], attributes: RmsNormAttributes) => {
          const inputs = { dy: dy!, x: x!, weight: weight! }
          const [dx, dw] = run<Tensor[]>(tf, 'DurianRmsNormGrad', inputs, attributes)
          return together({ x: dx!, weight: dw! })
        },
      },
    },
    {
      // dx = k (dy w - x k^2 mean(dy w x)), dw = sum over rows of dy x k
      name: 'DurianRmsNormGrad',
      forward: ({ dy, x, weight }, { epsilon }: RmsNormAttributes) => {
        const k = inverse(x!, epsilon) // [N, 1]
        const scaled = tf.mul(dy!, weight!)
        const shrink = tf.mul(mean(tf.mul(scaled, x!)), tf.square(k)) // [N, 1]
        const dx = tf.mul(k, tf.sub(scaled, tf.mul(x!, shrink)))
        return [dx, tf.sum(tf.mul(dy!, tf.mul(x!, k)), 0)] as Tensor[]
      },
    },
  ]
}

/** silu(gate) up. */
const swiglu = (tf: Tf): ReadonlyArray<Kernel> => [
  {
    name: 'DurianSwiglu',
    forward: ({ gate, up }) => tf.mul(tf.mul(gate!, tf.sigmoid(gate!)), up!),
    gradient: {
      saveInputs: ['gate', 'up'],
      pullBack: ([dy], [gate, up]) => {
        const [dGate, dUp] = run<Tensor[]>(tf, 'DurianSwigluGrad', { dy: dy!, gate: gate!, up: up! })
        return together({ gate: dGate!, up: dUp! })
      },
    },
  },
  {
    // with s = sigmoid(g): dUp = dy g s, dGate = dy up s (1 + g (1 - s))
    name: 'DurianSwigluGrad',
    forward: ({ dy, gate, up }) => {
      const s = tf.sigmoid(gate!)
      const u = tf.mul(dy!, s)
      const slope = tf.add(tf.mul(gate!, tf.sub(1, s)), 1)
      return [tf.mul(tf.mul(u, up!), slope), tf.mul(u, gate!)] as Tensor[]
    },
  },
]

export const axisKernels = (tf: Tf): ReadonlyArray<Kernel> => [
  ...sum(tf),
  cumsum(tf),
  ...softmax(tf),
  ...rmsNorm(tf),
  ...swiglu(tf),
]
