import { scalar, zeros } from '../ops/derived.ts'
import { ShapeError } from '../ops/shape.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
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
 * Both corrections are numbers of the host and folded into one factor: 13 operations a tensor, 12 where nothing decays.
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
    const keepFirst = scalar(ops, beta1)
    const takeFirst = scalar(ops, 1 - beta1)
    const keepSecond = scalar(ops, beta2)
    const takeSecond = scalar(ops, 1 - beta2)
    // lr/c1 * m / (sqrt(v)/c2 + eps) = (lr c2/c1) * m / (sqrt(v) + eps c2): one scaling instead of two.
    const rate = scalar(ops, (learningRate * rootCorrection) / (1 - beta1 ** step))
    const guard = scalar(ops, epsilon * rootCorrection)
    const shrink = scalar(ops, 1 - learningRate * weightDecay)

    const first = mapParams(params, (_, name) =>
      ops.add(
        ops.mul(entry(state.first, name, 'first moment'), keepFirst),
        ops.mul(entry(grads, name, 'gradient'), takeFirst),
      ),
    )
    const second = mapParams(params, (_, name) =>
      ops.add(
        ops.mul(entry(state.second, name, 'second moment'), keepSecond),
        ops.mul(ops.square(entry(grads, name, 'gradient')), takeSecond),
      ),
    )
    const moved = mapParams(params, (x, name) => {
      const direction = ops.div(first[name]!, ops.add(ops.sqrt(second[name]!), guard))
      const decayed = weightDecay !== 0 && decays(name) ? ops.mul(x, shrink) : x
      return ops.sub(decayed, ops.mul(direction, rate))
    })
    return { params: moved, state: { step, first, second } }
  }
}
