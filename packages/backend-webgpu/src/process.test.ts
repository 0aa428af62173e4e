import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { probeWebGpu } from './probe.ts'
import { describeOnWebGpu } from './testing.ts'

// compiled: a process of its own has no test runner to compile for it
const built = new URL('../dist/index.js', import.meta.url)

/** What a program does: trains a little, lets garbage be collected, goes on, and ends without a word. */
const program = `
  const { withWebGpuBackend } = await import(${JSON.stringify(built.href)})
  const result = await withWebGpuBackend()(({ ops, transfer, memory }) => async () => {
    let x = ops.fromHost({ shape: [2], data: [1, 2] })
    for (let round = 0; round < 20; round++) {
      x = ops.add(x, x)
      globalThis.gc()
      await new Promise((settle) => setTimeout(settle, 5))
      const read = await transfer.read(x)()
      if (read._tag === 'Left') return read
    }
    return transfer.read(x)()
  })()
  console.log(JSON.stringify(result._tag === 'Right' ? Array.from(result.right) : result))
`

await describeOnWebGpu('a process with a WebGPU device', () => {
  it('law: outlives the garbage collector (Dawn ends with its instance) and ends by itself with code 0', () => {
    const { stdout, stderr, status, signal } = spawnSync(
      process.execPath,
      ['--expose-gc', '--input-type=module', '--eval', program],
      { cwd: fileURLToPath(new URL('.', import.meta.url)), encoding: 'utf8', timeout: 100_000 },
    )
    expect({ status, signal, stdout: stdout.trim(), stderr }).toEqual({
      status: 0,
      signal: null,
      stdout: `[${2 ** 20},${2 ** 21}]`,
      stderr: '',
    })
  })

  it('law: a probe tells the device from a process of its own', async () => {
    expect(await probeWebGpu()).toMatchObject({ available: true, reason: expect.stringContaining('Dawn'), mend: '' })
  })

  it('law: a probe without any driver says what mends it', async () => {
    const nothing = {
      ...process.env,
      DURIAN_WEBGPU_ADAPTER: '',
      VK_ICD_FILENAMES: '/nowhere',
      VK_DRIVER_FILES: '/nowhere',
    }
    expect(await probeWebGpu(nothing)).toMatchObject({
      available: false,
      reason: 'no WebGPU adapter answers',
      mend: expect.stringContaining('DURIAN_WEBGPU_ADAPTER=software'),
    })
  })
})
