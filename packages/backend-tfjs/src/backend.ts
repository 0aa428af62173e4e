import { concatKvCaches, type Backend } from '@durian/core'
import { gradients } from './gradients.ts'
import { register } from './kernels/define.ts'
import { elementwiseKernels } from './kernels/elementwise.ts'
import { axisKernels } from './kernels/axes.ts'
import { headScores, headScoresGrad } from './kernels/head.ts'
import { embedding, embeddingGrad, selectiveLogSoftmax, selectiveLogSoftmaxGrad } from './kernels/rows.ts'
import { memory } from './memory.ts'
import { tfjsOps } from './ops.ts'
import type { Tensor, Tf } from './tf.ts'
import { transfer } from './transfer.ts'

export interface TfjsBackendOptions {
  /** The tfjs backend that is current: 'wasm', 'tensorflow', 'webgpu', 'cpu'. */
  readonly name: string
  /** Library, version, device and threads in words. */
  readonly description: string
}

/**
 * Durian's backend over TensorFlow.js, `tf` passed in with its backend already chosen (`tf.setBackend`).
 * A caller that has faster `Durian…` kernels registers them before; the rest is composed of stock kernels.
 */
export const tfjsBackend = (tf: Tf, { name, description }: TfjsBackendOptions): Backend<Tensor> => {
  const kernels = [
    ...elementwiseKernels(tf),
    ...axisKernels(tf),
    embedding(tf),
    embeddingGrad(tf),
    selectiveLogSoftmax(tf),
    selectiveLogSoftmaxGrad(tf),
    headScores(tf),
    headScoresGrad(tf),
  ]
  for (const kernel of kernels) register(tf, name, kernel)
  const ops = tfjsOps(tf, name)
  const scopes = memory(tf)
  return {
    name,
    info: { backend: name, description },
    ops,
    gradients: gradients(tf),
    memory: scopes,
    transfer: transfer(name),
    kvCaches: concatKvCaches(ops, scopes),
  }
}
