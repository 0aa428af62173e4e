import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../config/readConfig.ts'
import { backendOf } from './chosenBackend.ts'

describe('--precision', () => {
  it('is mixed on WebGPU alone', () => {
    expect(backendOf({ backend: 'webgpu', precision: 'mixed', wasm_threads: '1' })).toMatchObject(
      E.right({ prefer: 'webgpu', precision: 'mixed' }),
    )
    for (const backend of ['auto', 'tensorflow', 'wasm'] as const)
      expect(backendOf({ backend, precision: 'mixed', wasm_threads: '1' })).toEqual(
        E.left({
          _tag: 'BadInput',
          message: `--precision mixed is for WebGPU, and --backend ${backend} computes in float32: add --backend webgpu, or leave it out.`,
        }),
      )
  })

  it('is refused in a configuration of another backend', async () => {
    const overrides = ['model_name_or_path=unused', 'dataset=unused', 'output_dir=unused', 'precision=mixed']
    expect(await readConfig({ overrides })()).toMatchObject(
      E.left({
        message: expect.stringContaining(
          'precision mixed is for WebGPU, and backend auto computes in float32; set backend=webgpu, or leave precision out.',
        ),
      }),
    )
    expect(E.isRight(await readConfig({ overrides: [...overrides, 'backend=webgpu'] })())).toBe(true)
  })
})
