import { expect, it } from 'vitest'
import { either as E } from 'fp-ts'
import { describeOnWebGpu } from './testing.ts'

/** Numbers whose sum depends on the order: 2^24 apart. */
const uneven = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => (((i * 7919) % 1009) / 1009 - 0.5) * (i % 7 === 0 ? 1e4 : 1))

await describeOnWebGpu('the same bits every time', ({ ops, gradients, memory, transfer }) => {
  const bits = async (compute: () => ReturnType<typeof ops.neg>): Promise<string> => {
    const result = memory.scope(compute)
    const data = await transfer.read(result)()
    memory.free(result)
    if (E.isLeft(data)) throw new Error(data.left.reason)
    return Buffer.from(data.right.buffer).toString('hex')
  }
  const repeated = async (compute: () => ReturnType<typeof ops.neg>): Promise<void> => {
    const first = await bits(compute)
    for (let again = 0; again < 5; again++) expect(await bits(compute)).toBe(first)
  }

  it('law: a product with a long inner axis and few results (tfjs adds those with atomics)', () =>
    repeated(() =>
      ops.matmul(
        ops.fromHost({ shape: [4, 3000], data: uneven(12000) }),
        ops.fromHost({ shape: [3000, 4], data: uneven(12000) }),
      ),
    ))

  it('law: the gradient of a table whose rows are taken many times', () =>
    repeated(() => {
      const ids = Int32Array.from({ length: 4000 }, (_, i) => i % 3)
      const dy = ops.fromHost({ shape: [4000, 2], data: uneven(8000) })
      const { grads } = gradients.vjp(([table]) => ops.embedding(table!, ids))(
        [ops.fromHost({ shape: [5, 2], data: uneven(10) })],
        dy,
      )
      return grads[0]!
    }))
})
