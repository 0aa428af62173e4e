import { attentionKernels, type Tf } from '@durian/backend-tfjs'
import { replaceKernels, stockKernel, type KernelBody } from '../registry.ts'
import { replaceStock } from '../stock/replace.ts'
import { slice as sliced } from '../stock/sixAxes.ts'
import { attention, attentionGrad } from './attention.ts'
import { clip, swiglu, swigluGrad } from './elementwise.ts'
import type { Gpu } from './kernel.ts'
import { decodingAttention, decodingRoom } from './decoding.ts'
import { concat, gather, slice, transpose } from './layout.ts'
import { batchMatMul, linear } from './matmul.ts'
import { narrowed } from './narrowed.ts'
import { adamW, scaled, squaredNorm } from './optimiser.ts'
import { rmsNorm, rmsNormGrad } from './rmsNorm.ts'
import { rotary, rotaryGrad } from './rotary.ts'
import { embeddingGrad, selectiveLogSoftmax, selectiveLogSoftmaxGrad } from './rows.ts'
import { drawTokens } from './sampling.ts'
import { softmax, softmaxGrad } from './softmax.ts'
import { sumAxes, sumAxis, sumAxisGrad } from './sum.ts'

/** Stock kernels that ours take the place of. */
const replaced = ['BatchMatMul', 'Sum', 'Concat', 'Transpose', 'GatherV2'] as const

const kernelsFor = (tf: Tf, gpu: Gpu): Readonly<Record<string, KernelBody>> => ({
  // adds with atomics, or waits at barriers where none are needed
  BatchMatMul: batchMatMul(gpu, stockKernel(tf, 'BatchMatMul')),
  Sum: sumAxes(gpu, stockKernel(tf, 'Sum')),
  // would widen numbers of 16 bits
  Concat: concat(gpu, stockKernel(tf, 'Concat')),
  Transpose: transpose(gpu, stockKernel(tf, 'Transpose')),
  GatherV2: gather(gpu, stockKernel(tf, 'GatherV2')),
  Slice: slice(gpu, sliced(tf)),
  DurianNarrowed: narrowed(gpu),
  // our own
  DurianSum: sumAxis(gpu),
  DurianSumGrad: sumAxisGrad(gpu),
  DurianClip: clip(gpu),
  DurianSoftmax: softmax(gpu),
  DurianSoftmaxGrad: softmaxGrad(gpu),
  DurianRmsNorm: rmsNorm(gpu),
  DurianRmsNormGrad: rmsNormGrad(gpu),
  DurianSwiglu: swiglu(gpu),
  DurianSwigluGrad: swigluGrad(gpu),
  DurianEmbeddingGrad: embeddingGrad(gpu),
  DurianSelectiveLogSoftmax: selectiveLogSoftmax(gpu),
  DurianSelectiveLogSoftmaxGrad: selectiveLogSoftmaxGrad(gpu),
  DurianRotary: rotary(gpu),
  DurianRotaryGrad: rotaryGrad(gpu),
  DurianLinear: linear(gpu),
  ...Object.fromEntries(attentionKernels.map((name) => [name, attention(gpu)])),
  DurianAttentionGrad: attentionGrad(gpu),
  DurianDecodingAttention: decodingAttention(gpu),
  DurianDecodingRoom: decodingRoom(gpu),
  DurianDrawTokens: drawTokens(gpu),
  DurianAdamW: adamW(gpu),
  DurianSquaredNorm: squaredNorm(gpu),
  DurianScaled: scaled(gpu),
})

/**
 * Faster bodies for kernels of ours (`Durian…`), and ours in place of tfjs's where those are slow or add with atomics. The registry is global:
 * this holds for the whole process. Called before `tfjsBackend` registers what is composed of stock kernels for the names that are still free.
 */
export const installKernels = (tf: Tf, gpu: Gpu): void => replaceKernels(tf, kernelsFor(tf, gpu))

/** tfjs's own kernels again, and none of ours. */
export const removeKernels = (tf: Tf): void => {
  for (const { kernelName } of tf.getKernelsForBackend('webgpu')) {
    if (kernelName.startsWith('Durian')) tf.unregisterKernel(kernelName, 'webgpu')
  }
  replaceKernels(tf, Object.fromEntries(replaced.map((name) => [name, stockKernel(tf, name)])))
  replaceStock(tf)
}
