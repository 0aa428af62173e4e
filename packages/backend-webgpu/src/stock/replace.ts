import type { Tf } from '@durian/backend-tfjs'
import { replaceKernels } from '../registry.ts'
import { pad, slice } from './sixAxes.ts'

/** What tfjs's WebGPU kernels do wrong, mended; the fused kernels of `../kernels` come on top and may replace these again. */
export const replaceStock = (tf: Tf): void =>
  replaceKernels(tf, {
    Slice: slice(tf),
    PadV2: pad(tf),
  })
