import { DeviceFault } from '@durian/backend-tfjs'
import type { WasmMemory } from './simd/index.ts'

/** A tensor as kernels see it: its data's handle, not the data. */
export interface TensorInfo {
  readonly dataId: object
  shape: number[]
  readonly dtype: string
}

/** What our kernels use of tfjs's wasm backend. Its own types declare half of this private. */
export interface WasmBackend {
  readonly wasm: {
    _malloc: (bytes: number) => number
    _free: (address: number) => void
    readonly HEAPU8: Uint8Array
    readonly asm: { readonly memory: WasmMemory }
    readonly cwrap: (name: string, result: null, parameters: ReadonlyArray<string>) => (...values: unknown[]) => void
    readonly tfjs: {
      readonly registerTensor: (id: number, size: number, address: number) => void
      readonly disposeData: (id: number) => void
    }
  }
  dataIdNextNumber: number
  readonly dataIdMap: { readonly get: (dataId: object) => { readonly id: number; readonly memoryOffset: number } }
  readonly makeOutput: (shape: number[], dtype: string) => TensorInfo
  readonly incRef: (dataId: object) => void
  readonly disposeData: (dataId: object) => boolean
}

/** Where a tensor's numbers lie. Above 2 GB emscripten's addresses come back negative. */
export const address = (backend: WasmBackend, x: TensorInfo): number =>
  backend.dataIdMap.get(x.dataId).memoryOffset >>> 0

/** A tensor's numbers in place. Take it after the kernel's last allocation: memory that grows gets a new buffer, and old views read as empty. */
export const floats = (backend: WasmBackend, x: TensorInfo): Float32Array =>
  new Float32Array(backend.wasm.HEAPU8.buffer, address(backend, x), sizeOf(x.shape))

export const ints = (backend: WasmBackend, x: TensorInfo): Int32Array =>
  new Int32Array(backend.wasm.HEAPU8.buffer, address(backend, x), sizeOf(x.shape))

/** Another handle on the same numbers. */
export const alias = (backend: WasmBackend, x: TensorInfo, shape: ReadonlyArray<number> = x.shape): TensorInfo => {
  backend.incRef(x.dataId)
  return { dataId: x.dataId, shape: [...shape], dtype: x.dtype }
}

export const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1)

/** Room for `count` numbers while `use` runs. */
export const withScratch = <A>(backend: WasmBackend, count: number, use: (address: number) => A): A => {
  const pointer = backend.wasm._malloc(4 * count)
  try {
    return use(pointer >>> 0)
  } finally {
    backend.wasm._free(pointer)
  }
}

/**
 * Make an exhausted heap an error. tfjs ignores a null from malloc and goes on at address 0, over the module's own data:
 * past 4 GB results are wrong in silence. The call before the wrap matters: emscripten's stub replaces `_malloc` on its first call.
 */
export const guardHeap = (backend: WasmBackend): void => {
  const { wasm } = backend
  wasm._free(wasm._malloc(8))
  const malloc = wasm._malloc
  wasm._malloc = (bytes) => {
    // 2^32 bytes and more would wrap around to a small request
    const pointer = bytes < 2 ** 32 ? malloc(bytes) : 0
    if (pointer !== 0 || bytes === 0) return pointer
    throw new DeviceFault({
      _tag: 'OutOfMemory',
      backend: 'wasm',
      reason: `no room for ${bytes} more bytes in the 4 GB of WebAssembly memory: use smaller batches or --backend tensorflow`,
    })
  }
}
