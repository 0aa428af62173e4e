import { referenceOps, type RefTensor } from '../ops/reference.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { Params } from '../port/backend.ts'

/**
 * Makes stopGradient true for central differences: what it let through at the point itself is let through again, in the
 * same order, at the shifted points, so that the differences see a constant.
 */
export interface Freezer {
  readonly freeze: (x: RefTensor) => RefTensor
  readonly recording: <A>(body: () => A) => A
  readonly replaying: <A>(body: () => A) => A
}

export const createFreezer = (): Freezer => {
  let mode: 'off' | 'record' | 'replay' = 'off'
  let seen: Array<RefTensor> = []
  let next = 0
  const during = <A>(newMode: 'record' | 'replay', body: () => A): A => {
    const [oldMode, oldNext] = [mode, next]
    mode = newMode
    next = 0
    try {
      return body()
    } finally {
      mode = oldMode
      next = oldNext
    }
  }
  return {
    freeze: (x) => {
      if (mode === 'record') seen.push(x)
      return mode === 'replay' ? (seen[next++] ?? x) : x
    },
    recording: (body) => {
      seen = []
      return during('record', body)
    },
    replaying: (body) => during('replay', body),
  }
}

/** referenceOps whose untrained results (stopGradient, entropies) a freezer can hold still. */
export const freezableOps = ({ freeze }: Freezer): TensorOps<RefTensor> => ({
  ...referenceOps,
  stopGradient: (x) => freeze(referenceOps.stopGradient(x)),
  selectiveLogSoftmax: (logits, ids) => {
    const { logprob, entropy } = referenceOps.selectiveLogSoftmax(logits, ids)
    return { logprob, entropy: freeze(entropy) }
  },
})

/**
 * df/dx for every number of every parameter: (f(x + h) - f(x - h)) / 2h with h = 1e-5 max(1, |x|).
 * In float64 the error is about h^2 f''' + 1e-16 f / h: near 1e-10 for modest f.
 */
export const centralDifferences = (
  { recording, replaying }: Freezer,
  f: (params: Params<RefTensor>) => number,
  params: Params<RefTensor>,
): { readonly value: number; readonly grads: Params<RefTensor> } => {
  const value = recording(() => f(params))
  const slope = (name: string, x: RefTensor, i: number): number => {
    const step = 1e-5 * Math.max(1, Math.abs(x.data[i]!))
    const at = (moved: number): number =>
      replaying(() => f({ ...params, [name]: { shape: x.shape, data: x.data.with(i, moved) } }))
    return (at(x.data[i]! + step) - at(x.data[i]! - step)) / (2 * step)
  }
  const grads = Object.entries(params).map(([name, x]) => {
    const data = Float64Array.from(x.data, (_, i) => slope(name, x, i))
    return [name, { shape: x.shape, data }] as const
  })
  return { value, grads: Object.fromEntries(grads) }
}
