import { replaceKernels } from '../registry.js'
import { embeddingGrad } from './embeddingGrad.js'
import { pad, slice } from './sixAxes.js'
import { softmax } from './softmax.js'
/** What tfjs's WebGPU kernels do wrong, mended; the fused kernels of `../kernels` come on top and may replace these again. */
export const replaceStock = (tf, backend) =>
  replaceKernels(tf, {
    Slice: slice(tf),
    PadV2: pad(tf),
    DurianSoftmax: softmax(tf),
    DurianEmbeddingGrad: embeddingGrad(tf, backend),
  })
//# sourceMappingURL=replace.js.map
