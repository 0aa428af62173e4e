import { type Backend, type Draw, type DrawOptions, drawToken } from '@durian/core'

/** Who draws, and so what is read back for each token: [3, slots] of the device, or all logits, [slots, V]. */
export interface Drawing<T> {
  /** What the host must read of [slots, V] logits. */
  readonly wanted: (logits: T, uniforms: Float64Array) => T
  /** The draw of one slot, from what was read. */
  readonly of: (read: Float32Array, slot: number, uniforms: Float64Array) => Draw
}

/**
 * Draws on the device where the backend has the kernel, else in float64 on the host. The same tokens but for a `u` within rounding of a
 * boundary of the cumulative distribution; log-probs within the device's tolerance.
 */
export const drawingOf = <T>({ ops }: Backend<T>, options: DrawOptions): Drawing<T> => {
  const onDevice = ops.fused?.drawTokens
  if (onDevice !== undefined)
    return {
      wanted: (logits, uniforms) => onDevice(logits, uniforms, options),
      of: (read, slot, { length }) => ({
        token: read[slot]!,
        logprob: read[length + slot]!,
        excludedMass: read[2 * length + slot]!,
      }),
    }
  const draw = drawToken(options)
  return {
    wanted: (logits) => logits,
    of: (read, slot, uniforms) => {
      const words = read.length / uniforms.length
      return draw(read.subarray(slot * words, (slot + 1) * words), uniforms[slot]!)
    },
  }
}

/** Who draws the tokens of this backend: its device, from its own sums in float32, or the host in float64. */
export const drawnBy = <T>({ ops }: Backend<T>): 'device' | 'host' =>
  ops.fused?.drawTokens === undefined ? 'host' : 'device'
