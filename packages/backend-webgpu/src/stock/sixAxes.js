import { sizeOf } from '@durian/core'
import { stockKernel } from '../registry.js'
/** Stock slice and pad index a vector of six that WGSL does not have: their shader is refused. */
const MOST_AXES = 5
/** Six axes in two steps: the first three with the rest folded into one, then the rest. */
const HEAD = 3
export const slice = (tf) => {
  const stock = stockKernel(tf, 'Slice')
  return (call) => {
    const x = call.inputs['x']
    if (x.shape.length <= MOST_AXES) return stock(call)
    const { begin, size } = call.attrs
    const inner = sizeOf(x.shape.slice(HEAD))
    const head = tf.slice(
      tf.reshape(x, [...x.shape.slice(0, HEAD), inner]),
      [...begin.slice(0, HEAD), 0],
      [...size.slice(0, HEAD), inner],
    )
    const outer = sizeOf(head.shape.slice(0, HEAD))
    const tail = tf.slice(
      tf.reshape(head, [outer, ...x.shape.slice(HEAD)]),
      [0, ...begin.slice(HEAD)],
      [outer, ...size.slice(HEAD)],
    )
    return tf.reshape(tail, [...head.shape.slice(0, HEAD), ...tail.shape.slice(1)])
  }
}
export const pad = (tf) => {
  const stock = stockKernel(tf, 'PadV2')
  const padded = (x, paddings, constantValue) => tf.pad(x, paddings, constantValue)
  return (call) => {
    const x = call.inputs['x']
    if (x.shape.length <= MOST_AXES) return stock(call)
    const { paddings, constantValue } = call.attrs
    const inner = sizeOf(x.shape.slice(HEAD))
    const head = padded(
      tf.reshape(x, [...x.shape.slice(0, HEAD), inner]),
      [...paddings.slice(0, HEAD), [0, 0]],
      constantValue,
    )
    const outer = sizeOf(head.shape.slice(0, HEAD))
    const tail = padded(
      tf.reshape(head, [outer, ...x.shape.slice(HEAD)]),
      [[0, 0], ...paddings.slice(HEAD)],
      constantValue,
    )
    return tf.reshape(tail, [...head.shape.slice(0, HEAD), ...tail.shape.slice(1)])
  }
}
//# sourceMappingURL=sixAxes.js.map
