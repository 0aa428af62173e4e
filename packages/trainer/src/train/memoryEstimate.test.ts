import { openNodeBackend } from '@durian/backend-node'
import { initAdamW } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { toDevice } from './hostTensors.ts'
import { estimateFor, memoryEstimate, memoryLimits, memoryLine, memoryProblem } from './memoryEstimate.ts'
import { prepare } from './prepare.ts'
import { encodeRows } from './rollout.ts'
import type { FusedName } from './shapeOps.ts'
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
      const found = await value(prepare(config))
      // The estimate is that of the longest completions: rows of padding are never computed, so shorter ones take less.
      const tokens = { ...found.processor.tokens, end: [] }
      const prepared = { ...found, processor: { ...found.processor, tokens } }
      const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
      const watch = watchHeap()
      const params = toDevice(backend)(prepared.weights)
      const optimizer = backend.memory.scope(() => initAdamW(backend.ops, params))
      const state = { step: 0, cursor: 0, tokens: 0, learner: { params, optimizer } }
      const context = { ...prepared, backend, reference: null, learningRate: () => 1e-3, clock: () => 0 }
      const done = await value(trainStep(context)(state))
      watch.stop()
      const { groups } = done.report
      expect(groups.every(({ completions }) => completions.every(({ ids }) => ids.length === 16))).toBe(true)
      backend.memory.free([
        done.state.learner.params,
        done.state.learner.optimizer.first,
        done.state.learner.optimizer.second,
      ])
      const estimate = await value(estimateFor(prepared, backend))
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

describe('the memory estimate with lora', () => {
  const estimated = async (...more: ReadonlyArray<string>) => {
    const config = await smallConfig(await smallData(), 'estimate-lora', ['max_completion_length=4', ...more])
    const prepared = await value(prepare(config))
    const { backend } = await value(openNodeBackend({ prefer: 'wasm' }))
    return { config, prepared, estimate: await value(estimateFor(prepared, backend)) }
  }

  it('counts moments of the adapter alone, no second policy for the reference, and streamed weights on the host', async () => {
    const whole = await estimated('beta=0.1')
    const resident = await estimated('lora.r=4', 'beta=0.1')
    const adapter = Object.values(resident.prepared.adapter!.tensors).reduce((n, { data }) => n + 4 * data.length, 0)
    expect(whole.estimate.reference).toBe(whole.estimate.weights)
    expect(resident.estimate.reference).toBe(0)
    expect(resident.estimate.weights).toBe(whole.estimate.weights + adapter)
    const scalings = 4 * resident.prepared.adapter!.modules.length
    expect(resident.estimate.moments).toBe(2 * (adapter - scalings))
    expect(resident.estimate.update.plain).toBeLessThan(whole.estimate.update.plain)

    const streamed = await estimated(
      ...['lora.r=4', 'base_weights=streamed', 'base_dtype=bfloat16', 'gradient_checkpointing=true'],
    )
    expect(streamed.estimate.host).toBe(whole.estimate.weights / 2)
    expect(streamed.estimate.weights).toBe(adapter)
    expect(streamed.estimate.streamed).toBeGreaterThan(0.01 * whole.estimate.weights)
    expect(streamed.estimate.streamed).toBeLessThan(0.6 * whole.estimate.weights)
    expect(memoryLine(streamed.estimate)).toMatch(/^Memory on the host .*\n.* one layer of streamed weights /)
  })

  it('names the knob to turn for what cannot fit, each in its turn', async () => {
    const little = { total: 1e3, wasm: 1e9 }
    const sentence = async (...more: ReadonlyArray<string>) => {
      const { config, estimate } = await estimated(...more)
      expect(memoryProblem(config, estimate, { total: 1e12, wasm: 1e12 })).toBeUndefined()
      return memoryProblem(config, estimate, little)
    }
    expect(await sentence()).toContain('gradient_checkpointing=true')
    expect(await sentence('gradient_checkpointing=true')).toContain('lora.r=16')
    expect(await sentence('gradient_checkpointing=true', 'lora.r=4')).toContain('base_weights=streamed')
    expect(await sentence('gradient_checkpointing=true', 'lora.r=4', 'base_weights=streamed')).toMatch(/lower \w+/)
    const { config, estimate } = await estimated()
    expect(memoryProblem(config, estimate, { total: 1e12, wasm: 1e3 })).toContain('backend wasm has')
    expect(memoryLimits('tfjs-node', 1e3)).toEqual({ total: 1e3, wasm: Infinity })
    expect(memoryLimits('webgpu', 1e3)).toEqual({ total: Infinity, wasm: Infinity })
  })

  it('leaves out what fused kernels never make: scores of attention above all', async () => {
    const { config, prepared, estimate } = await estimated()
    const prompts = (await value(encodeRows(prepared.processor, prepared.dataset.rows.slice(0, 4)))).map(
      ({ prompt }) => prompt,
    )
    const plain = (fused: ReadonlyArray<FusedName>) =>
      memoryEstimate(config, prepared.policy, prompts, { fused }).update.plain
    const everywhere = ['rmsNorm', 'swiglu', 'headScores'] as const
    expect(plain(everywhere)).toBe(estimate.update.plain)
    const steps = [[], everywhere, [...everywhere, 'linear'], [...everywhere, 'linear', 'rotary', 'attention']] as const
    const bytes = steps.map(plain)
    expect(bytes).toEqual(bytes.toSorted((a, b) => b - a))
    expect(bytes.at(-1)).toBeLessThan(0.8 * bytes[1]!)
  })
})
