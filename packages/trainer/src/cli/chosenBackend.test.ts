import type { Opened } from '@durian/backend-node'
import { either as E, taskEither as TE } from 'fp-ts'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { backendOf, withChosenBackend, type BackendChoice } from './chosenBackend.ts'

const asked: unknown[] = []
vi.mock('@durian/backend-node', () => ({
  withNodeBackend: (options: { prefer: string; wasmThreads: number; onOpened: (opened: Partial<Opened>) => void }) => {
    asked.push(options.wasmThreads)
    options.onOpened({ engine: options.prefer === 'wasm' ? 'wasm' : 'tfjs-node' })
    return () => TE.of('done')
  },
}))
afterEach(() => void vi.restoreAllMocks())

const of = (backend: BackendChoice, wasm_threads: string) => backendOf({ backend, precision: 'float32', wasm_threads })
const refusal = (message: string) => E.left({ _tag: 'BadInput', message })

describe('--wasm_threads', () => {
  it('is 1 on every backend, and more where WASM may compute', () => {
    for (const prefer of ['auto', 'tensorflow', 'wasm', 'webgpu'] as const)
      expect(of(prefer, '1')).toMatchObject(E.right({ prefer, wasmThreads: 1 }))
    for (const prefer of ['auto', 'wasm'] as const)
      expect(of(prefer, '4')).toMatchObject(E.right({ prefer, wasmThreads: 4 }))
  })

  it('takes a whole number, and none beside a backend that has no use for it', () => {
    for (const text of ['0', '-1', '1.5', 'two', '', '65'])
      expect(of('wasm', text)).toEqual(refusal(`--wasm_threads takes a whole number from 1 to 64, not "${text}".`))
    for (const prefer of ['tensorflow', 'webgpu'] as const)
      expect(of(prefer, '2')).toEqual(
        refusal(`--wasm_threads 2 is for WASM; --backend ${prefer} has no use for it: leave it out.`),
      )
  })

  it('reaches the engine, and a warning says when auto took one that has no use for it', async () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const run = (prefer: 'auto' | 'wasm', wasmThreads: number) =>
      withChosenBackend({ prefer, wasmThreads })(() => TE.of(0))()
    await run('wasm', 2)
    await run('auto', 1)
    expect(write).not.toHaveBeenCalled()
    await run('auto', 3)
    expect(write.mock.calls).toEqual([
      ['wasm_threads 3 does nothing here: tfjs-node computes; --backend wasm takes WASM.\n'],
    ])
    expect(asked).toEqual([2, 1, 3])
  })
})
