import { drawToken, normals, uniforms, type DrawOptions } from '@durian/core'
import { either as E } from 'fp-ts'
import { expect, it } from 'vitest'
import { describeOnWebGpu } from '../testing.ts'

/** The vocabulary of Qwen2.5-VL. */
const words = 151_936
const rows = 3
const options: DrawOptions = { temperature: 0.9, topP: 1, topK: 0, banned: new Set([0, 151_655, 151_935]) }
/** SwiftShader's are at most 1.5e-7 away (packages/bench/src/suites/drawDistance.ts); the laws allow every device 1e-5. */
const distance = 1e-6

await describeOnWebGpu('drawing from a large vocabulary', ({ ops, memory, transfer }, { kernels }) => {
  const us = uniforms({ seed: 6 }, rows)
  it.each([
    ['barrier-free', 'nearly flat', 0.1],
    ['shared-memory', 'far from flat', 4],
  ] as const)(
    'law: %s, %s: one program, 12 bytes a row, the same bits each time, as float64 but for u near a boundary',
    async (style, _, spread) => {
      const { fused } = kernels.use(style).ops
      const row = Float32Array.from(normals({ seed: 5 }, words), (x) => spread * x)
      const data = new Float32Array(rows * words)
      for (let n = 0; n < rows; n++) data.set(row, n * words)
      const logits = ops.fromHost({ shape: [rows, words], data })
      const read = async (): Promise<Float32Array> => {
        const before = kernels.dispatches()
        const result = memory.scope(() => fused!.drawTokens!(logits, us, options))
        expect(kernels.dispatches() - before).toBe(1)
        expect(ops.shape(result)).toEqual([3, rows])
        const drawn = await transfer.read(result)()
        memory.free(result)
        if (E.isLeft(drawn)) throw new Error(drawn.left.reason)
        return drawn.right
      }
      const drawn = await read()
      expect(await read()).toEqual(drawn)
      memory.free(logits)

      const weights = Float64Array.from(row, (z) => Math.exp(z / options.temperature))
      const total = weights.reduce((a, b) => a + b)
      for (const id of options.banned) weights[id] = 0
      const mass = weights.reduce((a, b) => a + b)
      us.forEach((u, n) => {
        const token = drawn[n]!
        expect(weights[token]).toBeGreaterThan(0)
        const before = weights.subarray(0, token).reduce((a, b) => a + b, 0) / mass
        expect(before - u).toBeLessThan(distance)
        expect(u - before - weights[token]! / mass).toBeLessThan(distance)
        expect(drawn[rows + n]).toBeCloseTo(row[token]! / options.temperature - Math.log(total), 5)
        expect(drawn[2 * rows + n]).toBeCloseTo(drawToken(options)(row, u).excludedMass, 6)
      })
    },
  )
})
