import type { Tf } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { replaceKernels } from '../registry.ts'
import { embeddingGrad } from './embeddingGrad.ts'
import { pad, slice } from './sixAxes.ts'
import { softmax } from './softmax.ts'

/** What tfjs's WebGPU kernels do wrong, mended; the fused kernels of `../kernels` come on top and may replace these again. */
export const replaceStock = (tf: Tf, backend: WebGPUBackend): void =>
  replaceKernels(tf, {
    Slice: slice(tf),
    PadV2: pad(tf),
    DurianSoftmax: softmax(tf),
    DurianEmbeddingGrad: embeddingGrad(tf, backend),
  })
