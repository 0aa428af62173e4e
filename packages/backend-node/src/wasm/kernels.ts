import type { Tf } from '@durian/backend-tfjs'
import { clip, extremum, swiglu, swigluGrad } from './elementwise.ts'
import type { Device, KernelFunc } from './kernel.ts'
import { concat, identity, pad, slice, split } from './layout.ts'
import { batchMatMul } from './matmul.ts'
import { rmsNorm, rmsNormGrad, softmax, softmaxGrad, sum, sumGrad, sumOneAxis } from './reduce.ts'
import { embedding, embeddingGrad, selectiveLogSoftmax, selectiveLogSoftmaxGrad, unsortedSegmentSum } from './rows.ts'
import { transpose } from './transpose.ts'

/**
 * The one place that changes tfjs's registry: stock kernels that are wrong or slow on wasm, and our own with a faster body.
 * The registry is global, so this holds for the whole process.
 */
export const installKernels = (tf: Tf, { backend, ...hands }: Omit<Device, 'stock'>): void => {
  const stock = (name: string): KernelFunc => {
    const { kernelFunc } = tf.getKernel(name, 'wasm')
    return ({ inputs, attrs }) => kernelFunc({ inputs: inputs as never, attrs: attrs as never, backend })
  }
  const device: Device = { backend, ...hands, stock }
  const kernels: Readonly<Record<string, KernelFunc>> = {
    // wrong in silence, or missing
    BatchMatMul: batchMatMul(device),
    UnsortedSegmentSum: unsortedSegmentSum(device),
    DurianClip: clip(device),
    // slow
    Identity: identity(device),
    Transpose: transpose(device),
    Slice: slice(device, tf),
    Concat: concat(device),
    SplitV: split(device, tf),
    PadV2: pad(device),
    Sum: sum(device),
    // our own
    DurianSum: sumOneAxis(device),
    DurianSumGrad: sumGrad(device),
    DurianMinimum: extremum(device, 'Minimum'),
    DurianMaximum: extremum(device, 'Maximum'),
    DurianSoftmax: softmax(device),
    DurianSoftmaxGrad: softmaxGrad(device),
    DurianRmsNorm: rmsNorm(device),
    DurianRmsNormGrad: rmsNormGrad(device),
    DurianSwiglu: swiglu(device),
    DurianSwigluGrad: swigluGrad(device),
    DurianEmbedding: embedding(device),
    DurianEmbeddingGrad: embeddingGrad(device),
    DurianSelectiveLogSoftmax: selectiveLogSoftmax(device),
    DurianSelectiveLogSoftmaxGrad: selectiveLogSoftmaxGrad(device),
  }
  const registered = new Set(tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName))
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    if (registered.has(kernelName)) tf.unregisterKernel(kernelName, 'wasm')
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as never })
  }
}
