import { derivedAttention, type AttentionInputs } from '@durian/core'
import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { describeOnTensorFlow } from './testing.ts'

/** More queries than a block, heads of every width that models have, keys that fill no register, with and without shared keys and a mask. */
const attentions = [
  { runs: 2, rows: 50, own: 25, shared: 0, sets: 2, headDim: 16, hides: true },
  { runs: 4, rows: 60, own: 30, shared: 41, sets: 2, headDim: 32, hides: true },
  { runs: 2, rows: 27, own: 27, shared: 0, sets: 2, headDim: 64, hides: false },
  { runs: 2, rows: 49, own: 33, shared: 0, sets: 2, headDim: 80, hides: false },
  { runs: 3, rows: 52, own: 26, shared: 9, sets: 1, headDim: 128, hides: true },
  { runs: 2, rows: 26, own: 13, shared: 3, sets: 1, headDim: 20, hides: true },
] as const

await describeOnTensorFlow('tensorflow', {
  runs: 25,
  body: (backend) => {
    it('law: it computes with our kernels where the machine has a compiler', (context) => {
      if (backend.info.description.includes('own kernels')) return
      if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1')
        throw new Error(`${backend.info.description}: no own kernels`)
      context.skip('`durian setup tensorflow` has not compiled our kernels here')
    })

    it.each(attentions)(
      'law: attention of $runs x $rows queries and $shared + $own keys of $headDim: values and gradients of its program',
      async ({ runs, rows, own, shared, sets, headDim, hides }) => {
        const { ops, gradients, transfer, memory } = backend
        const fused = ops.fused?.attention
        if (fused === undefined) return
        const live = memory.liveTensors()
        const tensor = (shape: ReadonlyArray<number>, step: number) => {
          const length = shape.reduce((product, size) => product * size, 1)
          return ops.fromHost({ shape, data: Float32Array.from({ length }, (_, i) => Math.sin(step * i)) })
        }
        const inputs = [
          tensor([runs, rows, headDim], 0.37),
          ...[0.73, 0.31].map((step) => tensor([runs, own, headDim], step)),
          ...(shared === 0 ? [] : [0.51, 0.23].map((step) => tensor([sets, shared, headDim], step))),
        ]
        // two queries see as many keys, each pair one more; and the second shared key is nobody's
        const keys = shared + own
        const hidden = Float32Array.from({ length: rows * keys }, (_, i) => {
          const [row, key] = [Math.floor(i / keys), i % keys]
          return key - shared > row / 2 || (shared > 0 && key === 1) ? -1e9 : 0
        })
        const mask = hides ? ops.fromHost({ shape: [1, rows, keys], data: hidden }) : undefined
        const cotangent = tensor([runs, rows, headDim], 0.11)
        type T = typeof cotangent
        const run = (program: (queries: T, given: AttentionInputs<T>) => T) => (xs: ReadonlyArray<T>) => {
          const [queries, k, v, sharedKeys, sharedValues] = xs as [T, T, T, T | undefined, T | undefined]
          const together = sharedKeys === undefined ? {} : { shared: { keys: sharedKeys, values: sharedValues! } }
          return program(queries, { keys: k, values: v, ...together, mask })
        }
        const numbers = async (program: (xs: ReadonlyArray<T>) => T): Promise<ReadonlyArray<Float32Array>> => {
          const { value, grads } = gradients.vjp(program)(inputs, cotangent)
          const read: Float32Array[] = []
          for (const x of [value, ...grads]) {
            const found = await transfer.read(x)()
            if (E.isLeft(found)) throw new Error(found.left.reason)
            read.push(Float32Array.from(found.right))
          }
          memory.free([value, grads])
          return read
        }
        const ours = await numbers(run(fused))
        const derived = (queries: T, given: AttentionInputs<T>): T => derivedAttention(ops, queries, given)
        const theirs = await numbers(run(derived))
        theirs.forEach((expected, part) => {
          const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
          // sums of up to 60 products in another order
          expected.forEach((x, i) => {
            if (!(Math.abs(ours[part]![i]! - x) <= 1e-5 * Math.max(1, largest)))
              throw new Error(`part ${part}, number ${i}: ${ours[part]![i]} instead of ${x}`)
          })
        })
        memory.free([inputs, cotangent, mask])
        expect(memory.liveTensors()).toBe(live)
      },
    )
  },
})
