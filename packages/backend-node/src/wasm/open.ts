import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { profileKernels, tfjsBackend, type Tf } from '@durian/backend-tfjs'
import type { OpenedEngine } from '../engines.ts'
import { guardHeap, type WasmBackend } from './heap.ts'
import { installKernels } from './kernels.ts'
import { withSharedMemory } from './sharedModule.ts'
import { compileSimd } from './simd/index.ts'
import { Memory } from './simd/instance.ts'
import { openPool, type PoolOptions, splitSimd } from './threads/index.ts'

export interface WasmOptions {
  readonly threads?: number
  readonly divide?: PoolOptions['divide']
}

/** tfjs on WebAssembly with SIMD: works wherever Node does. With more than one thread its memory is shared, and our kernels divide their work. */
export const openWasm = async ({ threads = 1, divide = 'when it pays' }: WasmOptions = {}): Promise<OpenedEngine> => {
  const listeners = processListeners()
  const tf = (await import('@tensorflow/tfjs')) as unknown as Tf
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json')
  const folder = join(dirname(manifest), 'wasm-out')
  if (threads === 1) wasm.setWasmPaths(folder + '/')
  else wasm.setWasmPaths(await sharedPaths(folder), true)
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs could not start its wasm backend')
  await tf.ready()
  listeners.restore()
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')))
    throw new Error('this processor or Node has no WebAssembly SIMD')

  const backend = tf.backend() as unknown as WasmBackend
  guardHeap(backend)
  const { memory } = backend.wasm.asm
  const { simd, module, fused } = compileSimd(memory)
  const pool = threads === 1 ? undefined : await openPool({ threads, divide, simd, module, memory })
  installKernels(tf, { backend, simd: pool === undefined ? simd : splitSimd(simd, pool), pool })
  const arithmetic = fused ? 'SIMD with fused multiply-add' : 'SIMD'
  return {
    backend: tfjsBackend(tf, {
      name: 'wasm',
      description: `tfjs-backend-wasm ${wasm.version_wasm}, ${arithmetic}, ${threads} thread${threads === 1 ? '' : 's'}`,
    }),
    facts: {
      libraries: { 'tfjs-backend-wasm': wasm.version_wasm, tfjs: tf.version_core },
      device: `CPU, ${arithmetic}`,
      threads,
      memoryLimit: 2 ** 32,
      from: dirname(manifest),
    },
    profile: () => profileKernels(tf, 'wasm'),
  }
}

/**
 * tfjs's one-threaded module with its memory made shared, as an address that tfjs fetches: its threaded build would bring threads, handlers and arithmetic
 * of its own, and refuses Node.
 */
const sharedPaths = async (folder: string): Promise<Record<WasmFile, string>> => {
  reserveSharedMemory()
  const module = withSharedMemory(await readFile(join(folder, 'tfjs-backend-wasm-simd.wasm')))
  const url = `data:application/wasm;base64,${Buffer.from(module).toString('base64')}`
  return {
    'tfjs-backend-wasm.wasm': url,
    'tfjs-backend-wasm-simd.wasm': url,
    'tfjs-backend-wasm-threaded-simd.wasm': url,
  }
}

/** Tried here, because tfjs leaves a failure of it unhandled. */
const reserveSharedMemory = (): void => {
  try {
    void new Memory({ initial: 256, maximum: 65536, shared: true })
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Error(`wasm_threads above 1 need 4 GB of address space that threads share (${reason})`)
  }
}

type WasmFile = 'tfjs-backend-wasm.wasm' | 'tfjs-backend-wasm-simd.wasm' | 'tfjs-backend-wasm-threaded-simd.wasm'

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
