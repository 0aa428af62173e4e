import { openNodeBackend } from '@durian/backend-node'
import {
  type HostTensor,
  normals,
  referenceOps,
  residentWeights,
  sumAll,
  type TensorOps,
  type WeightSource,
} from '@durian/core'
import { describe, expect, it } from 'vitest'
import { ropePositions } from '../processor/positions.ts'
import { type CompletionBatch, completionBatch, scoreCompletions } from './completions.ts'
import { miniConfig, onDevice, right } from './testing.ts'
import type { EncodedPrompt } from './types.ts'
import { initialWeights } from './weights.ts'

const prompt = (id: number, grid: readonly [number, number, number]): EncodedPrompt => {
  const [, h, w] = grid
  const images = [{ grid, pixels: Float32Array.from({ length: h * w * 12 }, (_, k) => Math.cos(k + id)) }]
  const ids = Int32Array.from([2 + id, 22, ...new Array<number>((h * w) / 4).fill(20), 23, 5, 6])
  return { id: `${id}`, text: '', ids, images, ...ropePositions(ids, images, { imageToken: 20, mergeSize: 2 }) }
}

/** Pictures of two sizes, so that windows of several lengths are gathered and scattered. */
const batch: CompletionBatch = completionBatch(miniConfig)(
  [prompt(0, [1, 6, 4]), prompt(1, [1, 4, 4])],
  [
    [[3, 7, 1], [8]],
    [
      [4, 1],
      [9, 10, 11, 1],
    ],
  ],
)

const loss =
  <T>(ops: TensorOps<T>) =>
  (weights: WeightSource<T>): T => {
    const { logprob } = scoreCompletions(ops, miniConfig)(weights, batch, { temperature: 0.8 })
    return sumAll(ops, ops.mul(logprob, ops.fromHost({ shape: [batch.mask.length], data: batch.mask })))
  }

describe('the gradient of log-probs', () => {
  it('law: along a random direction in each weight it equals the central difference of the float64 reference', async () => {
    const host = initialWeights(miniConfig, 9)
    const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
    const { ops, gradients, transfer, memory } = backend
    const params = onDevice(ops, host)
    const result = memory.scope(() =>
      gradients.valueAndGrad((p: typeof params) => ({ value: loss(ops)(residentWeights(p)), aux: null }))(params),
    )
    const value = (weights: Readonly<Record<string, HostTensor>>): number =>
      loss(referenceOps)(residentWeights(onDevice(referenceOps, weights))).data[0]!
    expect(Math.abs(right(await transfer.read(result.value)())[0]! - value(host))).toBeLessThan(1e-4)
    const step = 1e-4
    // Every kind of weight: both blocks' last layer, norms, biases, tables.
    const names = Object.keys(host).filter((name) => !/blocks\.0\.|layers\.0\./.test(name))
    expect(names.length).toBeGreaterThan(25)
    for (const name of names) {
      const { shape, data } = host[name]!
      const direction = normals({ seed: 1, index: name.length }, data.length)
      const moved = (by: number): HostTensor => ({
        shape,
        data: Float64Array.from(data, (x, i) => x + by * direction[i]!),
      })
      const difference =
        (value({ ...host, [name]: moved(step) }) - value({ ...host, [name]: moved(-step) })) / (2 * step)
      const gradient = right(await transfer.read(result.grads[name]!)())
      const along = gradient.reduce((sum, g, i) => sum + g * direction[i]!, 0)
      // float32 gradients of a sum over 10 tokens: 1e-4 relative to a gradient of ordinary size
      expect(Math.abs(along - difference), name).toBeLessThan(1e-3 * Math.max(1, Math.abs(difference)))
    }
  })
})
