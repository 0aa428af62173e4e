import type { Tf } from '@durian/backend-tfjs'
import type { KernelBody } from '../registry.ts'

/** Stock softmax gives 0 beside a NaN, so a policy that has gone wrong looks like a sure one. */
export const softmax =
  (tf: Tf): KernelBody =>
  ({ inputs }) => {
    const x = inputs['x']!
    const weights = tf.exp(tf.sub(x, tf.max(x, -1, true)))
    return tf.div(weights, tf.sum(weights, -1, true))
  }
