import type { Tensor, Tf } from '@durian/backend-tfjs'
import type { Backend, Fused } from '@durian/core'
import type { Halves } from './halves.ts'

/**
 * The operations of a backend in mixed precision: operands of products are narrowed to 16 bits, sums and everything else are float32.
 *
 * Narrowed: the input, weight and table of a linear, keys and values. A tensor is narrowed once as long as it lives, so that a weight has one
 * copy an update. Gradients pass as if there were no rounding, and are float32 themselves: 16 bits would lose what is below 6e-8, and a
 * factor on the loss is not needed.
 */
export const mixedBackend = (tf: Tf, backend: Backend<Tensor>, halves: Halves): Backend<Tensor> => {
  // tfjs's types promise an entry
  if ((tf.getGradient('DurianNarrowed') as unknown) === undefined) {
    tf.registerGradient({ kernelName: 'DurianNarrowed', gradFunc: (dy) => ({ x: () => tf.clone(dy as Tensor) }) })
  }
  const narrowed = (x: Tensor): Tensor => tf.engine().runKernel('DurianNarrowed', { x })
  const operand = (x: Tensor): Tensor => (halves.has(x) ? x : narrowed(x))
  const { fused } = backend.ops
  if (fused === undefined) return backend
  const { linear, headScores, attention, decodingAttention } = fused as Fused<Tensor>
  const pair = <P extends { readonly keys: Tensor; readonly values: Tensor }>(given: P): P => ({
    ...given,
    keys: operand(given.keys),
    values: operand(given.values),
  })
  return {
    ...backend,
    ops: {
      ...backend.ops,
      fused: {
        ...fused,
        narrowed,
        linear: (x, weight, added) => linear(operand(x), operand(weight), added),
        headScores: (x, table, options) => headScores(operand(x), operand(table), options),
        attention: (queries, { shared, ...own }) =>
          attention(queries, { ...pair(own), shared: shared && pair(shared) }),
        decodingAttention: (fresh, prompt, own) => decodingAttention(fresh, pair(prompt), own),
      },
    },
  }
}
