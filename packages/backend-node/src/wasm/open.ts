import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { profileKernels, tfjsBackend, type Tf } from '@durian/backend-tfjs'
import type { OpenedEngine } from '../engines.ts'
import { guardHeap, type WasmBackend } from './heap.ts'
import { installKernels } from './kernels.ts'

/** tfjs on WebAssembly with SIMD, one thread: works wherever Node does. */
export const openWasm = async (): Promise<OpenedEngine> => {
  const listeners = processListeners()
  const tf = (await import('@tensorflow/tfjs')) as unknown as Tf
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
  wasm.setWasmPaths(join(dirname(manifest), 'wasm-out') + '/')
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs could not start its wasm backend')
  await tf.ready()
  listeners.restore()
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
    throw new Error('this processor or Node has no WebAssembly SIMD')

  const backend = tf.backend() as unknown as WasmBackend
  guardHeap(backend)
  const { fused } = installKernels(tf, backend)
  const simd = fused ? 'SIMD with fused multiply-add' : 'SIMD'
  return {
    backend: tfjsBackend(tf, {
      name: 'wasm',
      description: `tfjs-backend-wasm ${wasm.version_wasm}, ${simd}, 1 thread`,
    }),
    facts: {
      libraries: { 'tfjs-backend-wasm': wasm.version_wasm, tfjs: tf.version_core },
      device: `CPU, ${simd}`,
      threads: 1,
      memoryLimit: 2 ** 32,
      from: dirname(manifest),
    },
    profile: () => profileKernels(tf, 'wasm'),
  }
}

/** emscripten installs handlers that rethrow whatever reaches the process, also what others would have handled. */
const processListeners = () => {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map((event) => new Set<unknown>(process.listeners(event as never)))
  return {
    restore: () =>
      events.forEach((event, i) => {
        for (const listener of process.listeners(event as never)) {
          if (!before[i]!.has(listener)) process.removeListener(event, listener)
        }
      }),
  }
}
