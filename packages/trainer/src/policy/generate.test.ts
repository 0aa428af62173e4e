import { type Backend, referenceOps, residentWeights, type RefTensor } from '@durian/core'
import { openNodeBackend } from '@durian/backend-node'
import { either as E } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { ropePositions } from '../processor/positions.ts'
import { completionBatch, scoreCompletions } from './completions.ts'
import { generate, type GenerateOptions } from './generate.ts'
import { freeSampling, maxDifference, miniConfig, miniWeights, onDevice, right, values } from './testing.ts'
import type { EncodedPrompt, ProcessedImage } from './types.ts'

/** A prompt of text around pictures of the given sizes in patches, from fixed numbers. */
const prompt = (id: number, words: number, ...grids: ReadonlyArray<readonly [number, number]>): EncodedPrompt => {
  const images = grids.map(([h, w], i): ProcessedImage => ({
    grid: [1, h, w],
    pixels: Float32Array.from({ length: h * w * 12 }, (_, k) => Math.sin(k * 0.7 + id * 3 + i)),
  }))
  const tokens = [
    ...Array.from({ length: words }, (_, i) => 2 + ((i * 5 + id) % 17)),
    ...grids.flatMap(([h, w]) => [22, ...new Array<number>((h * w) / 4).fill(20), 23]),
    3,
    4,
  ]
  const ids = Int32Array.from(tokens)
  return { id: `p${id}`, text: '', ids, images, ...ropePositions(ids, images, { imageToken: 20, mergeSize: 2 }) }
}

const prompts = [prompt(0, 5), prompt(1, 2, [4, 6]), prompt(2, 7, [2, 2], [6, 4]), prompt(3, 1)]
const options: GenerateOptions = {
  ...freeSampling,
  numGenerations: 3,
  maxCompletionLength: 12,
  banned: [20, 21, 22, 23],
  endTokens: [1, 5, 9],
  seed: 3,
  step: 7,
}

const open = async () => {
  const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
  const params = onDevice(backend.ops, miniWeights)
  return { backend, params, weights: residentWeights(params) }
}
let device: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  device = await open()
})
const run = async (list: ReadonlyArray<EncodedPrompt>, changed: Partial<GenerateOptions> = {}) =>
  right(await generate(device.backend, miniConfig)(device.weights, list, { ...options, ...changed })())

const plain = (groups: Awaited<ReturnType<typeof run>>) => groups.map((group) => group.map(({ ids }) => [...ids]))

describe('generate', () => {
  it('draws the same tokens whatever the batch, the order of prompts and the number of rollouts', async () => {
    const together = plain(await run(prompts))
    const turned = await run(prompts.toReversed(), { promptIndices: [3, 2, 1, 0] })
    expect(plain(turned).toReversed()).toEqual(together)
    const alone = await run([prompts[2]!], { promptIndices: [2], numGenerations: 2 })
    expect(plain(alone)[0]).toEqual(together[2]!.slice(0, 2))
  })

  it('draws anew for another seed, step, prompt index and rollout', async () => {
    const base = plain(await run(prompts))
    expect(new Set(base.flat().map((ids) => ids.join())).size).toBeGreaterThan(8)
    for (const changed of [{ seed: 4 }, { step: 8 }, { promptIndices: [4, 5, 6, 7] }])
      expect(plain(await run(prompts, changed))).not.toEqual(base)
  })

  it('ends each rollout at its first end token or at the limit, and says which', async () => {
    const groups = await run(prompts)
    const endings = new Set(options.endTokens)
    expect(new Set(groups.flat().map(({ terminated }) => terminated)).size).toBe(2)
    for (const { ids, terminated } of groups.flat()) {
      expect([...ids].slice(0, -1).some((id) => endings.has(id))).toBe(false)
      expect(terminated).toBe(endings.has(ids.at(-1)!))
      if (!terminated) expect(ids.length).toBe(options.maxCompletionLength)
    }
  })

  it('never draws a banned token and reports the mass the ban took', async () => {
    const groups = await run(prompts)
    expect(groups.flat().every(({ ids }) => !ids.some((id) => options.banned.includes(id)))).toBe(true)
    expect(groups.flat().every(({ excludedMass }) => excludedMass > 0 && excludedMass < 1)).toBe(true)
    expect((await run(prompts, { banned: [] })).flat().every(({ excludedMass }) => excludedMass === 0)).toBe(true)
  })

  it('law: wasm and the reference interpreter agree on the log-probs of what was drawn', async () => {
    const groups = await run(prompts)
    const batch = completionBatch(miniConfig)(
      prompts,
      groups.map((group) => group.map(({ ids }) => ids)),
    )
    const reference = scoreCompletions<RefTensor>(referenceOps, miniConfig)(
      residentWeights(onDevice(referenceOps, miniWeights)),
      batch,
      { temperature: 1 },
    )
    const wasm = await values(device.backend, () => ({
      ...scoreCompletions(device.backend.ops, miniConfig)(device.weights, batch, { temperature: 1 }),
    }))
    for (let i = 0; i < batch.mask.length; i++) {
      if (batch.mask[i] === 0) continue
      expect(Math.abs(wasm.logprob[i]! - reference.logprob.data[i]!)).toBeLessThan(1e-5)
      expect(Math.abs(wasm.entropy[i]! - reference.entropy.data[i]!)).toBeLessThan(1e-5)
    }
    groups.flat().forEach(({ logprobs }, row) => {
      const own = Array.from(reference.logprob.data).slice(row * batch.length, row * batch.length + logprobs.length)
      expect(maxDifference(logprobs, own)).toBeLessThan(1e-5)
    })
  })

  it('law: a failure at any await gives a Left and leaves no tensor behind', async () => {
    const { backend, weights } = device
    await run(prompts)
    const before = backend.memory.liveTensors()
    for (let failing = 1; failing <= options.maxCompletionLength; failing++) {
      const broken = failingAt(backend, failing)
      const result = await generate(broken, miniConfig)(weights, prompts, options)()
      expect(E.isLeft(result)).toBe(true)
      expect(backend.memory.liveTensors()).toBe(before)
    }
    await run(prompts)
    expect(backend.memory.liveTensors()).toBe(before)
  })

  it('law: holds no more tensors at the last token than at the second', async () => {
    const { backend, weights } = device
    const counts: number[] = []
    const read: typeof backend.transfer.read = (x) => {
      counts.push(backend.memory.liveTensors())
      return backend.transfer.read(x)
    }
    await generate({ ...backend, transfer: { read } }, miniConfig)(weights, prompts, options)()
    expect(counts.length).toBe(options.maxCompletionLength)
    expect(new Set(counts.slice(1)).size).toBe(1)
  })

  it('stops between tokens when it is interrupted, and leaves no tensor behind', async () => {
    const { backend, weights } = device
    const before = backend.memory.liveTensors()
    const controller = new AbortController()
    controller.abort()
    const result = await generate(backend, miniConfig)(weights, prompts, { ...options, signal: controller.signal })()
    expect(result).toMatchObject(E.left({ _tag: 'Interrupted' }))
    expect(backend.memory.liveTensors()).toBe(before)
  })

  it('names the prompt when logits are not finite', async () => {
    const { backend, params } = device
    const broken = backend.ops.fromHost({ shape: [16], data: new Float32Array(16).fill(NaN) })
    const result = await generate(backend, miniConfig)(
      residentWeights({ ...params, 'model.norm.weight': broken }),
      prompts,
      options,
    )()
    backend.memory.free([broken])
    expect(result).toMatchObject(E.left({ _tag: 'RunFailed', message: expect.stringContaining("'p0'") as string }))
  })

  it('refuses a ban on every token', async () => {
    const banned = Array.from({ length: miniConfig.text.vocabSize }, (_, id) => id)
    const result = await generate(device.backend, miniConfig)(device.weights, prompts, { ...options, banned })()
    expect(result).toMatchObject(E.left({ _tag: 'BadInput' }))
  })
})

/** The same backend, whose n-th read fails. */
const failingAt = <T>(backend: Backend<T>, n: number): Backend<T> => {
  let reads = 0
  const read: Backend<T>['transfer']['read'] = (x) =>
    ++reads === n
      ? async () => E.left({ _tag: 'DeviceFailed' as const, backend: 'test', reason: 'injected' })
      : backend.transfer.read(x)
  return { ...backend, transfer: { ...backend.transfer, read } }
}
