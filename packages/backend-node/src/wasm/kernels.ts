import type { Tf } from '@durian/backend-tfjs'
import { alias, floats, type WasmBackend } from './heap.ts'
import type { KernelFunc } from './kernel.ts'
import { batchMatMul } from './matmul.ts'
import { embedding, embeddingGrad, unsortedSegmentSum } from './rows.ts'
import { transpose } from './transpose.ts'

/** tfjs copies here, and its tape clones every tensor it saves; another handle on the same numbers is enough, as tensors never change. */
const identity =
  (backend: WasmBackend): KernelFunc =>
  ({ inputs }) =>
    alias(backend, inputs['x']!)

/** NaN passes; tfjs's wasm kernel makes it 0. */
const clip =
  (backend: WasmBackend): KernelFunc =>
  ({ inputs, attrs }) => {
    const { lo, hi } = attrs as { readonly lo: number; readonly hi: number }
    const out = backend.makeOutput(inputs['x']!.shape, 'float32')
    const from = floats(backend, inputs['x']!)
    const to = floats(backend, out)
    for (let i = 0; i < to.length; i++) {
      const value = from[i]!
      to[i] = value < lo ? lo : value > hi ? hi : value
    }
    return out
  }

/**
 * The one place that changes tfjs's registry: stock kernels that are wrong or slow on wasm, and our own with a faster body.
 * The registry is global, so this holds for the whole process.
 */
export const installKernels = (tf: Tf, backend: WasmBackend): void => {
  const kernels: Readonly<Record<string, KernelFunc>> = {
    Identity: identity(backend),
    Transpose: transpose(backend),
    BatchMatMul: batchMatMul(backend),
    UnsortedSegmentSum: unsortedSegmentSum(backend),
    DurianClip: clip(backend),
    DurianEmbedding: embedding(backend),
    DurianEmbeddingGrad: embeddingGrad(backend),
  }
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    if (tf.getKernel(kernelName, 'wasm') != null) tf.unregisterKernel(kernelName, 'wasm')
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as never })
  }
}
