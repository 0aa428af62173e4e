import { describe, expect, it } from 'vitest'
import { doctorText, engineFindings, nodeFinding, webGpuFinding } from './doctor.ts'

describe('durian doctor', () => {
  it('takes Node from 20.11 on', () => {
    expect(['v20.11.0', 'v20.20.2', 'v24.0.0'].map((version) => nodeFinding(version).state)).toEqual(['ok', 'ok', 'ok'])
    expect(nodeFinding('v20.10.9').state).toBe('broken')
    expect(nodeFinding('v18.20.0').mend).toContain('20.11')
  })
  it('lists the command that mends each gap, and does not call an optional one broken', () => {
    const text = doctorText([
      { name: 'wasm', state: 'ok', detail: '4.22.0' },
      { name: 'tfjs-node', state: 'missing', detail: 'not installed', mend: 'npm install x' },
    ])
    expect(text).toContain('tfjs-node (optional): npm install x')
    expect(text).toMatch(/Training works here\.$/)
    expect(doctorText([{ name: 'sharp', state: 'broken', detail: 'does not load' }])).toMatch(
      /does not work here yet\.$/,
    )
  })

  it('gives each engine its state, its facts, and the command that mends it', () => {
    const facts = { libraries: { x: '1' }, device: 'CPU', threads: 1, memoryLimit: 2 ** 32, from: '/x' }
    const wasm = { name: 'wasm', available: true, reason: 'wasm 4.22.0', mend: '', facts, startMs: 300 }
    const gone = (name: string) => ({ name, available: false, reason: `${name} is not installed`, mend: '' })
    const statuses = [gone('tfjs-node-gpu'), gone('tfjs-node'), wasm]
    expect(engineFindings(statuses, { hasGpu: false })).toEqual([
      { name: 'tfjs-node-gpu', state: 'missing', detail: 'tfjs-node-gpu is not installed' },
      {
        name: 'tfjs-node',
        state: 'missing',
        detail: 'tfjs-node is not installed',
        mend: 'durian setup tensorflow',
      },
      {
        name: 'wasm',
        state: 'ok',
        detail:
          'wasm 4.22.0 (what --backend auto takes here); self-test passed, start 300 ms, 1 thread, at most 4.0 GiB',
        engine: { selfTest: 'passed', facts, startMs: 300 },
      },
    ])
    expect(engineFindings(statuses, { hasGpu: true })[0]?.mend).toContain('--cuda')
    expect(engineFindings(statuses.slice(0, 2), { hasGpu: false }).map(({ state }) => state)).toEqual([
      'broken',
      'broken',
    ])
  })

  it('gives WebGPU a line that names its device, or what mends it', () => {
    const facts = { libraries: {}, device: 'a GPU', software: false, features: [], largestTensor: 2 ** 30 }
    const reason = 'tfjs-backend-webgpu 4.22.0, Dawn, a GPU'
    expect(webGpuFinding({ available: true, reason, mend: '', facts, startMs: 900 })).toEqual({
      name: 'webgpu',
      state: 'ok',
      detail: `${reason} (with --backend webgpu); self-test passed, start 900 ms, tensors of at most 1.0 GiB`,
      engine: { selfTest: 'passed', facts, startMs: 900 },
    })
    expect(webGpuFinding({ available: false, reason: 'no adapter', mend: 'install a driver' })).toEqual({
      name: 'webgpu',
      state: 'missing',
      detail: 'no adapter',
      mend: 'install a driver',
    })
  })
})
