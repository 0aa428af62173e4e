import type { Backend } from '@durian/core'
import type { Tensor } from '@durian/backend-tfjs'
import { either as E } from 'fp-ts'
import { describe, it } from 'vitest'
import { openWebGpuBackend, type OpenedWebGpu } from './index.ts'

/**
 * A block of tests on a WebGPU device: the machine's own, or Chromium's SwiftShader with DURIAN_WEBGPU_ADAPTER=software, which is the default of
 * tests because it computes the same everywhere. Without a device the block is one skipped test that says why; with DURIAN_REQUIRE_WEBGPU=1 it fails.
 */
export const describeOnWebGpu = async (
  name: string,
  body: (backend: Backend<Tensor>, opened: OpenedWebGpu) => void,
): Promise<void> => {
  process.env['DURIAN_WEBGPU_ADAPTER'] ??= 'software'
  const opened = await openWebGpuBackend()()
  describe(name, () => {
    if (E.isRight(opened)) {
      body(opened.right.backend, opened.right)
      return
    }
    const { reason } = opened.left
    if (process.env['DURIAN_REQUIRE_WEBGPU'] === '1') {
      it('law: a WebGPU device is here, as DURIAN_REQUIRE_WEBGPU=1 asks', () => {
        throw new Error(reason)
      })
    } else {
      console.log(`skipped: ${name}, because ${reason}`)
      it.skip(`law: ${name} (skipped: ${reason})`, () => undefined)
    }
  })
}
