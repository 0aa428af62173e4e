import { openNodeBackend } from '@durian/backend-node'
import { initAdamW } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { toDevice } from './checkpoint.ts'
import { estimateFor, memoryLine } from './memoryEstimate.ts'
import { prepare } from './prepare.ts'
import { smallConfig, smallData, value } from './testing.ts'
import { trainStep } from './trainStep.ts'

interface Heap {
  _malloc: (bytes: number) => number
  _free: (address: number) => void
}

/**
 * Bytes really taken from the WebAssembly heap. (`memory.bytes()` counts a reshaped tensor twice though both names share their numbers.)
 * tfjs keeps its engine on the global object.
 */
const watchHeap = () => {
  const { wasm } = (globalThis as unknown as { readonly _tfengine: { readonly backend: { readonly wasm: Heap } } })
    ._tfengine.backend
  const { _malloc, _free } = wasm
  const sizes = new Map<number, number>()
  let [now, peak] = [0, 0]
  wasm._malloc = (bytes) => {
    const address = _malloc(bytes)
    sizes.set(address, bytes)
    now += bytes
    peak = Math.max(peak, now)
    return address
  }
  wasm._free = (address) => {
    now -= sizes.get(address) ?? 0
    sizes.delete(address)
    _free(address)
  }
  return {
    peak: () => peak,
    stop: () => Object.assign(wasm, { _malloc, _free }),
  }
}

describe('the memory estimate of --dry_run', () => {
  it.each([
    [false, []],
    [true, []],
    [false, ['per_device_train_batch_size=16', 'gradient_accumulation_steps=2']],
  ] as const)(
    'law: lies within 20 % of the measured peak of a step of the demo policy (gradient_checkpointing: %s, %j)',
    async (checkpointing, more) => {
      const data = await smallData()
      const config = await smallConfig(data, 'estimate', [
        'generation_batch_size=32',
        'per_device_train_batch_size=32',
        'num_generations=8',
        'max_completion_length=16',
        `gradient_checkpointing=${checkpointing}`,
        ...more,
      ])
      const prepared = await value(prepare(config))
      const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
      const watch = watchHeap()
      const params = toDevice(backend)(prepared.weights)
      const optimizer = backend.memory.scope(() => initAdamW(backend.ops, params))
      const state = { step: 0, cursor: 0, tokens: 0, learner: { params, optimizer } }
      const context = { ...prepared, backend, reference: null, learningRate: () => 1e-3, clock: () => 0 }
      const done = await value(trainStep(context)(state))
      watch.stop()
      const { groups } = done.report
      expect(Math.max(...groups.flatMap(({ completions }) => completions.map(({ ids }) => ids.length)))).toBe(16)
      backend.memory.free([
        done.state.learner.params,
        done.state.learner.optimizer.first,
        done.state.learner.optimizer.second,
      ])
      const estimate = await value(estimateFor(prepared))
      const measured = watch.peak()
      expect(estimate.peak / measured).toBeGreaterThan(0.8)
      expect(estimate.peak / measured).toBeLessThan(1.2)
      expect(estimate.weights + estimate.moments).toBe(
        3 * 4 * Object.values(prepared.weights).reduce((n, { data: d }) => n + d.length, 0),
      )
      expect(memoryLine(estimate)).toMatch(/peak [\d,.]+ MB$/)
    },
  )
})
