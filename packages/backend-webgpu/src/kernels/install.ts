import { attentionKernels, type Tf } from '@durian/backend-tfjs'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { replaceKernels, stockKernel, type KernelBody } from '../registry.ts'
import { attention, attentionGrad } from './attention.ts'
import { clip, swiglu, swigluGrad } from './elementwise.ts'
import type { Gpu } from './kernel.ts'
import type { Style } from './lanes.ts'
import { decodingAttention, decodingRoom } from './decoding.ts'
import { batchMatMul, linear } from './matmul.ts'
import { adamW, squaredNorm } from './optimiser.ts'
import { launcher } from './program.ts'
import { rmsNorm, rmsNormGrad } from './rmsNorm.ts'
import { rotary, rotaryGrad } from './rotary.ts'
import { embeddingGrad, selectiveLogSoftmax, selectiveLogSoftmaxGrad } from './rows.ts'
import { softmax, softmaxGrad } from './softmax.ts'
import { sumAxes, sumAxis, sumAxisGrad } from './sum.ts'

/** What a kernel is chosen by. */
export interface KernelDevice {
  readonly device: GPUDevice
  readonly backend: WebGPUBackend
  /** Computes on the processor: workgroup barriers are slow there, and timings say nothing of a GPU. */
  readonly software: boolean
  /** How kernels are written; left out, as the device wants them. Both ways must pass the laws on every device. */
  readonly style?: Style
}

/**
 * The one place that changes tfjs's registry for WebGPU: stock kernels that are wrong or slow, and our own (`Durian…`) with a faster body.
 * Called before `tfjsBackend` registers what is composed of stock kernels for the names that are still free; called again, it replaces its own.
 */
export const installKernels = (tf: Tf, { device, backend, software, style }: KernelDevice): void => {
  const gpu: Gpu = {
    launch: launcher(backend, device),
    style: style ?? (software ? 'barrier-free' : 'shared-memory'),
    backend,
    mostBuffers: device.limits.maxStorageBuffersPerShaderStage,
  }
  const kernels: Readonly<Record<string, KernelBody>> = {
    // adds with atomics, or waits at barriers where none are needed
    BatchMatMul: batchMatMul(gpu, stockKernel(tf, 'BatchMatMul')),
    Sum: sumAxes(gpu, stockKernel(tf, 'Sum')),
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
    DurianAdamW: adamW(gpu),
    DurianSquaredNorm: squaredNorm(gpu),
  }
  replaceKernels(tf, kernels)
}
