import { ShapeError, type Fused } from '@durian/core'
import type { Tensor, Tf } from '../tf.ts'
import { run } from './define.ts'

/** tfjs's types promise an entry; what it has none of is undefined. */
const isKnown = (entry: unknown): boolean => entry !== undefined

/**
 * Entries that exist only where the backend has brought a kernel of its own: composed of stock kernels they would be no faster than
 * core's programs. Gradients are registered here, once for all backends, and run named kernels.
 */
export const broughtOps = (tf: Tf, backendName: string): Partial<Fused<Tensor>> => {
  const has = (name: string): boolean => isKnown(tf.getKernel(name, backendName))
  if (has('DurianRotary')) registerRotaryGradient(tf)
  return {
    ...(has('DurianRotary') ? { rotary: rotary(tf) } : {}),
    ...(has('DurianAdamW') ? { adamW: adamW(tf) } : {}),
    ...(has('DurianSquaredNorm') ? { squaredNorm: squaredNorm(tf) } : {}),
  }
}

const registerRotaryGradient = (tf: Tf): void => {
  if (isKnown(tf.getGradient('DurianRotary'))) return
  tf.registerGradient({
    kernelName: 'DurianRotary',
    inputsToSave: ['cos', 'sin'],
    gradFunc: (dy, [cos, sin]) => ({
      x: () => run(tf, 'DurianRotaryGrad', { dy: dy as Tensor, cos: cos!, sin: sin! }),
    }),
  })
}

const rotary =
  (tf: Tf): Fused<Tensor>['rotary'] =>
  (x, cos, sin) => {
    const [rows, width] = x.shape
    const [rowsOfTable, one, headDim] = cos.shape
    const fits =
      x.shape.length === 2 &&
      cos.shape.length === 3 &&
      rowsOfTable === rows &&
      one === 1 &&
      headDim! % 2 === 0 &&
      width! % headDim! === 0 &&
      sin.shape.join() === cos.shape.join()
    if (!fits) {
      throw new ShapeError(
        `rotary: [${x.shape}], [${cos.shape}] and [${sin.shape}] are not [N, heads * hd] and twice [N, 1, hd], hd even`,
      )
    }
    return run(tf, 'DurianRotary', { x, cos, sin })
  }

const adamW =
  (tf: Tf): Fused<Tensor>['adamW'] =>
  (param, grad, { first, second }, numbers) => {
    if ([grad, first, second].some(({ shape }) => shape.join() !== param.shape.join())) {
      throw new ShapeError(
        `adamW: parameter [${param.shape}], gradient [${grad.shape}] and moments [${first.shape}], [${second.shape}] differ`,
      )
    }
    const inputs = { p: param, g: grad, m: first, v: second }
    const [moved, newFirst, newSecond] = run<Tensor[]>(tf, 'DurianAdamW', inputs, { ...numbers })
    return { param: moved!, first: newFirst!, second: newSecond! }
  }

const squaredNorm =
  (tf: Tf): Fused<Tensor>['squaredNorm'] =>
  (xs) => {
    if (xs.length === 0) throw new ShapeError('squaredNorm: there is no tensor')
    return run(tf, 'DurianSquaredNorm', Object.fromEntries(xs.map((x, i) => [`x${i}`, x])))
  }
