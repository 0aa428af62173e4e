import { scalar, zeros } from '../ops/derived.ts'
import { ShapeError } from '../ops/shape.ts'
import type { AdamWMoved, AdamWNumbers, Fused, TensorOps } from '../ops/tensorOps.ts'
import type { Params } from '../port/backend.ts'

export interface AdamWOptions {
  readonly learningRate: number
  /** Decay of the first and second moment, in [0, 1). Default (0.9, 0.999). */
  readonly betas?: readonly [number, number]
  /** Added to the root of the second moment. Default 1e-8. */
  readonly epsilon?: number
  /** Decoupled: the weight shrinks by learningRate * weightDecay. Default 0.01. */
  readonly weightDecay?: number
  /** Which parameters decay, by name. Default: all. */
  readonly decays?: (name: string) => boolean
}

/** The moments, named as the parameters; `step` counts finished updates. (A type and no interface, so that it is a `Tree`.) */
export type AdamWState<T> = {
  readonly step: number
  readonly first: Params<T>
  readonly second: Params<T>
}

export type AdamWResult<T> = {
  readonly params: Params<T>
  readonly state: AdamWState<T>
}

const mapParams = <T, U>(params: Params<T>, f: (x: T, name: string) => U): Params<U> =>
  Object.fromEntries(Object.entries(params).map(([name, x]) => [name, f(x, name)]))

/** Zero moments at step 0. */
export const initAdamW = <T>(ops: TensorOps<T>, params: Params<T>): AdamWState<T> => ({
  step: 0,
  first: mapParams(params, (x) => zeros(ops, ops.shape(x))),
  second: mapParams(params, (x) => zeros(ops, ops.shape(x))),
})

const entry = <T>(tensors: Params<T>, name: string, what: string): T => {
  const x = tensors[name]
  if (x === undefined) throw new ShapeError(`adamw: parameter '${name}' has no ${what}`)
  return x
}

/**
 * One step of Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2; the numbers of `torch.optim.AdamW`).
 *
 *   m' = b1 m + (1 - b1) g            v' = b2 v + (1 - b2) g^2
 *   p' = (1 - lr wd) p - lr / (1 - b1^t) m' / (sqrt(v') / sqrt(1 - b2^t) + eps)
 *
 * Both corrections are numbers of the host and folded into one factor: 13 operations a tensor, 12 where nothing decays, or the backend's one kernel.
 * A program, not an effect: the old parameters and moments stay the caller's, to free once the result is kept.
 *
 * @throws ShapeError when a parameter lacks its gradient or moment
 */
export const updateAdamW = <T>(ops: TensorOps<T>, options: AdamWOptions) => {
  const { learningRate, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0.01, decays = () => true } = options
  const [beta1, beta2] = betas
  return (params: Params<T>, grads: Params<T>, state: AdamWState<T>): AdamWResult<T> => {
    const step = state.step + 1
    const rootCorrection = Math.sqrt(1 - beta2 ** step)
    const numbers: AdamWNumbers = {
      keepFirst: beta1,
      takeFirst: 1 - beta1,
      keepSecond: beta2,
      takeSecond: 1 - beta2,
      // lr/c1 * m / (sqrt(v)/c2 + eps) = (lr c2/c1) * m / (sqrt(v) + eps c2): one scaling instead of two.
      rate: (learningRate * rootCorrection) / (1 - beta1 ** step),
      guard: epsilon * rootCorrection,
      shrink: 1 - learningRate * weightDecay,
    }
    const move = ops.fused?.adamW ?? derivedAdamW(ops, numbers)
    const moved = Object.entries(params).map(([name, x]) => {
      const moments = {
        first: entry(state.first, name, 'first moment'),
        second: entry(state.second, name, 'second moment'),
      }
      const shrinks = weightDecay !== 0 && decays(name)
      const own = shrinks ? numbers : { ...numbers, shrink: 1 }
      return [name, move(x, entry(grads, name, 'gradient'), moments, own)] as const
    })
    const named = (part: keyof AdamWMoved<T>): Params<T> =>
      Object.fromEntries(moved.map(([name, result]) => [name, result[part]]))
    return { params: named('param'), state: { step, first: named('first'), second: named('second') } }
  }
}

/** One tensor's step from primitives alone: what a fused kernel must equal. The numbers are put on the device once for all tensors. */
export const derivedAdamW = <T>(ops: TensorOps<T>, numbers: AdamWNumbers): Fused<T>['adamW'] => {
  const keepFirst = scalar(ops, numbers.keepFirst)
  const takeFirst = scalar(ops, numbers.takeFirst)
  const keepSecond = scalar(ops, numbers.keepSecond)
  const takeSecond = scalar(ops, numbers.takeSecond)
  const rate = scalar(ops, numbers.rate)
  const guard = scalar(ops, numbers.guard)
  const shrink = scalar(ops, numbers.shrink)
  return (param, grad, moments, own) => {
    const first = ops.add(ops.mul(moments.first, keepFirst), ops.mul(grad, takeFirst))
    const second = ops.add(ops.mul(moments.second, keepSecond), ops.mul(ops.square(grad), takeSecond))
    const direction = ops.div(first, ops.add(ops.sqrt(second), guard))
    const kept = own.shrink === 1 ? param : ops.mul(param, shrink)
    return { param: ops.sub(kept, ops.mul(direction, rate)), first, second }
  }
}
