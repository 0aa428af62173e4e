import type { Tensor, Tf } from '../tf.ts'
import type { Kernel } from './define.ts'

export type ClipAttributes = { readonly lo: number; readonly hi: number }

/** Sum a gradient back to the shape its operand had before broadcasting. */
export const sumTo = (tf: Tf, dy: Tensor, shape: ReadonlyArray<number>): Tensor => {
  const missing = dy.shape.length - shape.length
  const axes = dy.shape.flatMap((size, axis) =>
    axis < missing || (shape[axis - missing] === 1 && size !== 1) ? [axis] : [],
  )
  return tf.reshape(axes.length === 0 ? dy : tf.sum(dy, axes), [...shape])
}

/** tfjs's own minimum and maximum do not sum their gradients over broadcast axes; equal operands give theirs to `a`. */
const extremum = (tf: Tf, name: 'DurianMinimum' | 'DurianMaximum'): Kernel => {
  const least = name === 'DurianMinimum'
  return {
    name,
    forward: ({ a, b }) => (least ? tf.minimum(a!, b!) : tf.maximum(a!, b!)),
    gradient: {
      saveInputs: ['a', 'b'],
      pullBack: ([dy], [a, b]) => {
        const toA = () => tf.cast(least ? tf.lessEqual(a!, b!) : tf.greaterEqual(a!, b!), 'float32')
        const toB = () => tf.cast(least ? tf.greater(a!, b!) : tf.less(a!, b!), 'float32')
        return {
          a: () => sumTo(tf, tf.mul(dy!, toA()), a!.shape),
          b: () => sumTo(tf, tf.mul(dy!, toB()), b!.shape),
        }
      },
    },
  }
}

/** |x|, gradient sign(x): 0 at 0, where tfjs's own gives -1. */
const abs = (tf: Tf): Kernel => ({
  name: 'DurianAbs',
  forward: ({ x }) => tf.abs(x!),
  gradient: { saveInputs: ['x'], pullBack: ([dy], [x]) => ({ x: () => tf.mul(dy!, tf.sign(x!)) }) },
})

/** Clamp that keeps NaN: tfjs's wasm clipByValue turns it into 0 and so hides a diverged run. */
const clip = (tf: Tf): Kernel => ({
  name: 'DurianClip',
  forward: ({ x }, { lo, hi }: ClipAttributes) => {
    const clipped = tf.clipByValue(x!, lo, hi)
    return tf.where(tf.isNaN(x!), x!, clipped)
  },
  gradient: {
    saveInputs: ['x'],
    pullBack: ([dy], [x], { lo, hi }: ClipAttributes) => ({
      x: () => tf.mul(dy!, tf.cast(tf.logicalAnd(tf.greaterEqual(x!, lo), tf.lessEqual(x!, hi)), 'float32')),
    }),
  },
})

export const elementwiseKernels = (tf: Tf): ReadonlyArray<Kernel> => [
  extremum(tf, 'DurianMinimum'),
  extremum(tf, 'DurianMaximum'),
  abs(tf),
  clip(tf),
]
