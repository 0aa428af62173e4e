import { openNodeBackend } from '@durian/backend-node'
import { type Backend, headScores, type Params, scalar, sumAll } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { completionBatch } from '../policy/completions.ts'
import { maxDifference, miniConfig, onDevice } from '../policy/testing.ts'
import { initialWeights } from '../policy/weights.ts'
import type { EncodedPrompt } from '../policy/types.ts'
import { ropePositions } from '../processor/positions.ts'
import { lossGradient, type ScoreLoss } from './lossGradient.ts'
import { value } from './testing.ts'

const prompt = (id: number, grids: ReadonlyArray<readonly [number, number, number]>): EncodedPrompt => {
  const images = grids.map((grid) => ({
    grid,
    pixels: Float32Array.from({ length: grid[1] * grid[2] * 12 }, (_, k) => Math.cos(k + id)),
  }))
  const pictures = grids.flatMap(([, h, w]) => [22, ...new Array<number>((h * w) / 4).fill(20), 23])
  const ids = Int32Array.from([2 + id, ...pictures, 5, 6])
  return { id: `${id}`, text: '', ids, images, ...ropePositions(ids, images, { imageToken: 20, mergeSize: 2 }) }
}
const completions = [
  [[3, 7, 1], [8]],
  [
    [4, 1],
    [9, 10, 11, 1],
  ],
]
/** A batch with pictures of two sizes, and one without any. */
const batches = {
  pictures: completionBatch(miniConfig)([prompt(0, [[1, 6, 4]]), prompt(1, [[1, 4, 4]])], completions),
  words: completionBatch(miniConfig)([prompt(0, []), prompt(1, [])], completions),
}

/** The most bytes alive at any time while `body` runs: looked at whenever an operation begins or ends. */
const peakBytes = <T>(backend: Backend<T>): { readonly backend: Backend<T>; readonly peak: () => number } => {
  let peak = 0
  const look = (): void => {
    peak = Math.max(peak, backend.memory.bytes())
  }
  const ops = Object.fromEntries(
    Object.entries(backend.ops).map(([name, op]) => [
      name,
      typeof op !== 'function'
        ? op
        : (...args: ReadonlyArray<never>) => {
            const result = (op as (...args: ReadonlyArray<never>) => unknown)(...args)
            look()
            return result
          },
    ]),
  ) as unknown as typeof backend.ops
  return { backend: { ...backend, ops }, peak: () => peak }
}

const gradients = async (
  which: keyof typeof batches,
  {
    checkpointing,
    tied = true,
    frozen = () => false,
  }: { checkpointing: boolean; tied?: boolean; frozen?: (name: string) => boolean },
) => {
  const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
  return measured(backend)
  async function measured<T>(real: Backend<T>) {
    const policy = { ...miniConfig, text: { ...miniConfig.text, tied, layers: 6 } }
    const params = onDevice(real.ops, initialWeights(policy, 4))
    const moving: Params<T> = Object.fromEntries(Object.entries(params).filter(([name]) => !frozen(name)))
    const batch = batches[which]
    const before = { tensors: real.memory.liveTensors(), bytes: real.memory.bytes() }
    const { backend, peak } = peakBytes(real)
    const { ops } = backend
    const loss: ScoreLoss<T, null> = ({ logprob, entropy }) => ({
      value: ops.add(
        sumAll(ops, ops.mul(logprob, ops.fromHost({ shape: [batch.mask.length], data: batch.mask }))),
        ops.mul(sumAll(ops, entropy), scalar(ops, 0)),
      ),
      aux: null,
    })
    const result = real.memory.scope(() =>
      lossGradient(backend, policy, { temperature: 0.8, checkpointing })(batch, loss)(params, moving),
    )
    const read = async (x: T) => value(real.transfer.read(x))
    const grads: Record<string, Float32Array> = {}
    for (const [name, grad] of Object.entries(result.grads)) grads[name] = await read(grad)
    const total = (await read(result.value))[0]!
    real.memory.free(result)
    const left = real.memory.liveTensors() - before.tensors
    real.memory.free(params)
    return { value: total, grads, peak: peak() - before.bytes, left }
  }
}

describe('the gradient with gradient_checkpointing', () => {
  it.each([
    ['pictures', true, 'all', () => false],
    ['words', false, 'all', () => false],
    ['pictures', true, 'the vision tower frozen', (name: string) => name.startsWith('visual.')],
    ['pictures', false, 'only the head moving', (name: string) => name !== 'lm_head.weight'],
  ] as const)(
    'law: equals the one without, and every weight has one (%s, tied: %s, %s)',
    async (which, tied, _, frozen) => {
      const plain = await gradients(which, { checkpointing: false, tied, frozen })
      const layerwise = await gradients(which, { checkpointing: true, tied, frozen })
      expect(layerwise.value).toBeCloseTo(plain.value, 5)
      expect(Object.keys(layerwise.grads)).toEqual(Object.keys(plain.grads))
      for (const [name, grad] of Object.entries(plain.grads)) {
        const size = Math.max(1e-3, ...grad.map(Math.abs))
        expect(maxDifference(layerwise.grads[name]!, grad) / size, name).toBeLessThan(1e-5)
      }
      expect([plain.left, layerwise.left]).toEqual([0, 0])
    },
  )

  it('law: needs less memory at its peak', async () => {
    const plain = await gradients('pictures', { checkpointing: false })
    const layerwise = await gradients('pictures', { checkpointing: true })
    expect(layerwise.peak).toBeLessThan(0.5 * plain.peak)
  })
})

describe('scores in blocks of rows', () => {
  it('law: values and gradients are those of all rows at once, and the logits never exist together', async () => {
    const { backend: real } = await value(openNodeBackend({ prefer: 'wasm' }))
    const [rows, width, words] = [512, 8, 1000]
    const x = { shape: [rows, width], data: Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i)) }
    const table = { shape: [words, width], data: Float32Array.from({ length: words * width }, (_, i) => Math.cos(i)) }
    const ids = Int32Array.from({ length: rows }, (_, i) => (7 * i) % words)
    const scored = async (logitsAtOnce: number) => {
      const { memory, transfer, gradients: differentiate, ops } = real
      const start = memory.bytes()
      let afterForward = 0
      const result = memory.scope(() =>
        differentiate.valueAndGrad((params: { readonly x: typeof inputs.x; readonly table: typeof inputs.x }) => {
          const { logprob, entropy } = headScores(ops, params.x, params.table, { ids, logitsAtOnce })
          const weights = ops.fromHost({ shape: [rows], data: Float32Array.from(ids, (id) => 1 + (id % 3)) })
          afterForward = memory.bytes() - start
          return { value: sumAll(ops, ops.mul(logprob, weights)), aux: { logprob, entropy } }
        })(inputs),
      )
      const read = async (y: typeof inputs.x) => value(transfer.read(y))
      const out = {
        value: await read(result.value),
        logprob: await read(result.aux.logprob),
        entropy: await read(result.aux.entropy),
        dx: await read(result.grads.x),
        dtable: await read(result.grads.table),
      }
      memory.free(result)
      return { out, afterForward }
    }
    const inputs = { x: real.ops.fromHost(x), table: real.ops.fromHost(table) }
    const whole = await scored(rows * words)
    const blocks = await scored(100 * words)
    for (const key of ['logprob', 'entropy', 'dx', 'dtable'] as const)
      expect(maxDifference(blocks.out[key], whole.out[key]), key).toBeLessThan(2e-5)
    expect(whole.afterForward).toBeGreaterThan(4 * rows * words)
    expect(blocks.afterForward).toBeLessThan(0.5 * 4 * rows * words)
  })
})
