import type { BackendError } from '@durian/core'
import type * as tfjs from '@tensorflow/tfjs-core'

/** TensorFlow.js with its gradients registered: the union package, or tfjs-node. Passed in, never imported here. */
export type Tf = typeof tfjs
export type { Tensor } from '@tensorflow/tfjs-core'

/** A device's failure inside synchronous code: thrown there, turned into a `Left` where the backend was acquired. */
export class DeviceFault extends Error {
  override readonly name = 'DeviceFault'
  readonly error: BackendError
  constructor(error: BackendError) {
    super(`Backend ${error.backend}: ${error.reason}`)
    this.error = error
  }
}

/**
 * Run without recording: what is made inside is a constant to every gradient.
 * Works because tfjs records an operation only at kernel depth 0 (`engine.ts`, isTapeOn).
 */
export const untaped = <A>(tf: Tf, body: () => A): A => {
  const { state } = tf.engine()
  state.kernelDepth++
  try {
    return body()
  } finally {
    state.kernelDepth--
  }
}
