import type { Simd } from '../simd/instance.ts'
import { MOST_CHUNKS } from './control.ts'
import type { Pool } from './pool.ts'
import { splitKernels, splits, type Split, type SplitKernel } from './splits.ts'
import { callValues } from './tasks.ts'

/** The same kernels; those that `splits` names hand their work out where it is long enough to divide. */
export const splitSimd = (simd: Simd, pool: Pool): Simd => ({
  ...simd,
  ...Object.fromEntries(splitKernels.map((name) => [name, shared(name, simd[name], pool)])),
})

const shared = (name: SplitKernel, whole: Simd[SplitKernel], pool: Pool): Simd[SplitKernel] => {
  const { counted, moves, grain, bytes }: Split = splits[name]
  return (...values) => {
    const count = values[counted]!
    const steps = moves(values)
    const step = Math.max(...steps)
    const each = grain * Math.ceil(Math.max(1, (pool.scale * bytes) / step, count / MOST_CHUNKS) / grain)
    if (count <= each) return whole(...values)
    const job = callValues({ kernel: name, counted, count, each, values, moves: steps })
    pool.run('call', job, Math.ceil(count / each))
  }
}
