import { type Backend, nameIndex, sizeOf, streams, words } from '@durian/core'
import type { Dropout } from '../policy/linear.ts'

export interface DropoutPlace {
  readonly seed: number
  /** Optimiser steps done. */
  readonly step: number
  readonly microBatch: number
}

/**
 * Sets a share of the numbers to 0 and divides the others by what is left, as torch.nn.Dropout. Masks are made on the host: each is a function
 * of seed, optimiser step, micro-batch and place alone, so that a layer computed a second time on the way back is computed alike.
 *
 * @returns undefined for a share of 0: nothing is left out
 */
export const hostDropout = <T>(
  { ops }: Pick<Backend<T>, 'ops'>,
  share: number,
  { seed, step, microBatch }: DropoutPlace,
): Dropout<T> | undefined => {
  if (share === 0) return undefined
  const threshold = share * 2 ** 32
  const kept = 1 / (1 - share)
  return (x, place) => {
    const shape = ops.shape(x)
    const data = new Float32Array(sizeOf(shape))
    const index = nameIndex(place)
    for (let i = 0; i < data.length; i += 4) {
      const draws = words({ seed, stream: streams.dropout }, [index, i / 4, step, microBatch])
      for (let j = 0; j < 4 && i + j < data.length; j++) data[i + j] = draws[j]! < threshold ? 0 : kept
    }
    return ops.mul(x, ops.fromHost({ shape, data }))
  }
}
