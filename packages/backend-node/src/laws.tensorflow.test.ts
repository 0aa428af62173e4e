import { derivedAttention, derivedLinear, derivedRmsNorm, type AttentionInputs } from '@durian/core'
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
    const { ops, gradients, transfer, memory } = backend
    const tensor = (shape: ReadonlyArray<number>, step: number) => {
      const length = shape.reduce((product, size) => product * size, 1)
      return ops.fromHost({ shape, data: Float32Array.from({ length }, (_, i) => Math.sin(step * i)) })
    }
    type T = ReturnType<typeof tensor>
    type Program = (xs: ReadonlyArray<T>) => T
    const numbers = async (program: Program, inputs: ReadonlyArray<T>, cotangent: T) => {
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
    /** Values and gradients of two programs on TensorFlow are equal but for the order of sums of some hundred terms; consumes the tensors. */
    const expectEqual = async (
      ours: Program,
      derived: Program,
      inputs: ReadonlyArray<T>,
      cotangent: T,
    ): Promise<void> => {
      const found = await numbers(ours, inputs, cotangent)
      const expected = await numbers(derived, inputs, cotangent)
      expected.forEach((part, index) => {
        const largest = part.reduce((most, x) => Math.max(most, Math.abs(x)), 1)
        part.forEach((x, i) => {
          if (!(Math.abs(found[index]![i]! - x) <= 1e-5 * largest))
            throw new Error(`part ${index}, number ${i}: ${found[index]![i]} instead of ${x}`)
        })
      })
      memory.free([inputs, cotangent])
    }

    it('law: it computes with our kernels where the machine has a compiler', (context) => {
      if (backend.info.description.includes('own kernels')) return
      if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1')
        throw new Error(`${backend.info.description}: no own kernels`)
      context.skip('`durian setup tensorflow` has not compiled our kernels here')
    })

    it.each(attentions)(
      'law: attention of $runs x $rows queries and $shared + $own keys of $headDim: values and gradients of its program',
      async ({ runs, rows, own, shared, sets, headDim, hides }) => {
        const fused = ops.fused?.attention
        if (fused === undefined) return
        const live = memory.liveTensors()
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
        const run = (program: (queries: T, given: AttentionInputs<T>) => T) => (xs: ReadonlyArray<T>) => {
          const [queries, k, v, sharedKeys, sharedValues] = xs as [T, T, T, T | undefined, T | undefined]
          const together = sharedKeys === undefined ? {} : { shared: { keys: sharedKeys, values: sharedValues! } }
          return program(queries, { keys: k, values: v, ...together, mask })
        }
        const derived = (queries: T, given: AttentionInputs<T>): T => derivedAttention(ops, queries, given)
        await expectEqual(run(fused), run(derived), inputs, cotangent)
        memory.free(mask)
        expect(memory.liveTensors()).toBe(live)
      },
    )

    it('law: linear of more rows, columns and depth than a piece has, and of an odd width, is its program', async () => {
      const fused = ops.fused?.linear
      if (fused === undefined) return
      for (const [rows, depth, width] of [
        [100, 300, 75],
        [5, 1100, 9],
      ] as const) {
        const inputs = [tensor([rows, depth], 0.37), tensor([width, depth], 0.73)]
        const added = [tensor([width], 0.31), tensor([rows, width], 0.51)]
        await expectEqual(
          ([x, weight, bias, plus]) => fused(x!, weight!, { bias, plus }),
          ([x, weight, bias, plus]) => ops.add(plus!, derivedLinear(ops, x!, weight!, bias)),
          [...inputs, ...added],
          tensor([rows, width], 0.11),
        )
      }
    })

    it('law: rmsNorm of more rows than a block adds up is its program', async () => {
      await expectEqual(
        ([x, weight]) => ops.fused!.rmsNorm!(x!, weight!, 1e-5),
        ([x, weight]) => derivedRmsNorm(ops, x!, weight!, 1e-5),
        [tensor([130, 40], 0.37), tensor([40], 0.73)],
        tensor([130, 40], 0.11),
      )
    })
  },
})
