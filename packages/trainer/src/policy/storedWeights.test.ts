import { openNodeBackend } from '@durian/backend-node'
import { type Backend, residentWeights, sumAll, type WeightSource } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { lossGradient } from '../train/lossGradient.ts'
import { completionBatch, scoreCompletions } from './completions.ts'
import { generate } from './generate.ts'
import { initialAdapters } from './lora.ts'
import { loadStoredWeights, storedBytes, streamedWeights } from './storedWeights.ts'
import { encodedRows, expected, fixtureDir, freeSampling, onDevice, right, values } from './testing.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { loadPolicyConfig } from './files.ts'
import { widened } from '../io/floats.ts'

/** Scores, greedy tokens with their log-probs, visual features and the gradient of an adapter, all as bytes to compare. */
const everything = async <T>(backend: Backend<T>, weights: WeightSource<T>) => {
  const { ops, memory, transfer } = backend
  const policy = right(await loadPolicyConfig(fixtureDir)())
  const prompts = await encodedRows(right(await loadProcessor(fixtureDir)()))
  const batch = completionBatch(policy)(
    prompts,
    expected.map(({ response_ids }) => [response_ids.slice(0, 6)]),
  )
  const live = memory.liveTensors()
  const scores = await values<T, 'logprob' | 'entropy'>(backend, () => ({
    ...scoreCompletions(ops, policy)(weights, batch, { temperature: 1, scope: memory.scope }),
  }))
  const drawn = right(
    await generate(backend, policy)(weights, prompts, {
      ...freeSampling,
      numGenerations: 2,
      maxCompletionLength: 4,
    })(),
  )
  const modules = ['model.layers.0.self_attn.q_proj', 'model.layers.2.mlp.down_proj', 'visual.blocks.1.attn.qkv']
  const params = onDevice(ops, initialAdapters(policy, modules, { r: 2, lora_alpha: 2, use_rslora: false, seed: 1 }))
  const moving = Object.fromEntries(Object.entries(params).filter(([name]) => !name.endsWith('scaling')))
  const { grads, value } = memory.scope(() =>
    lossGradient(backend, policy, { temperature: 1, checkpointing: true, base: weights })(batch, ({ logprob }) => ({
      value: sumAll(ops, logprob),
      aux: null,
    }))(params, moving),
  )
  const gradients: Record<string, Float32Array> = {}
  for (const [name, grad] of Object.entries(grads)) gradients[name] = right(await transfer.read(grad)())
  memory.free([grads, value, params])
  return { scores, drawn, gradients, left: memory.liveTensors() - live }
}

describe('streamed weights', () => {
  it.each(['F32', 'BF16', 'F16'] as const)(
    'law: give the numbers of resident weights of the same %s bits, to the last, in scores, sampling and gradients',
    async (dtype) => {
      const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
      const stored = right(await loadStoredWeights(fixtureDir, right(await loadPolicyConfig(fixtureDir)()), dtype)())
      const count = [...stored.values()].reduce((total, { numbers }) => total + numbers.length, 0)
      expect(storedBytes(stored)).toBe(count * (dtype === 'F32' ? 4 : 2))
      const resident = onDevice(
        backend.ops,
        Object.fromEntries(
          [...stored].map(([name, { shape, ...weight }]) => [
            name,
            { shape, data: weight.dtype === 'F32' ? weight.numbers : widened(weight.numbers, weight.dtype) },
          ]),
        ),
      )
      const wanted = await everything(backend, residentWeights(resident))
      backend.memory.free(resident)
      const live = backend.memory.liveTensors()
      const found = await everything(backend, streamedWeights(backend.ops, stored))
      expect(found).toEqual(wanted)
      expect(found.left).toBe(0)
      expect(backend.memory.liveTensors()).toBe(live)
      expect(Object.values(found.gradients).some((grad) => grad.some((x) => x !== 0))).toBe(true)
    },
  )

  it('law: the device holds one layer of them at a time', async () => {
    const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
    const policy = right(await loadPolicyConfig(fixtureDir)())
    const stored = right(await loadStoredWeights(fixtureDir, policy, null)())
    const prompts = await encodedRows(right(await loadProcessor(fixtureDir)()))
    let given: ReadonlyArray<{ readonly isDisposed: boolean }> = []
    let alive = 0
    let asked = 0
    const weights = streamedWeights(backend.ops, stored)
    const watching: typeof weights = {
      ...weights,
      under: (prefix) => {
        alive += given.filter(({ isDisposed }) => !isDisposed).length
        asked += given.length
        const params = weights.under(prefix)
        if (/^(visual\.blocks|model\.layers)/.test(prefix)) given = Object.values(params)
        return params
      },
    }
    right(
      await generate(backend, policy)(watching, prompts, {
        ...freeSampling,
        numGenerations: 1,
        maxCompletionLength: 2,
        temperature: 0,
      })(),
    )
    // When a layer's weights are asked for, those of the layer before it have gone.
    expect(alive).toBe(0)
    expect(asked).toBeGreaterThan(50)
  })
})
