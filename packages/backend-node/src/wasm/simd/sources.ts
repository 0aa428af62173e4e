import type { KernelSource } from './assembler.ts'
import { clip, maximum, minimum, swiglu, swigluGrad } from './elementwise.ts'
import { packPanel } from './gemm.ts'
import { copyRows, fillRows, transpose } from './layout.ts'
import { rmsNorm, rmsNormGrad } from './rmsNorm.ts'
import { negatedSoftmaxTimes, rowStats, softmaxGrad, sumColumns } from './rows.ts'

/** Every kernel that is the same on all machines; each says beside its source what its arguments are. Addresses and lengths are in bytes. */
export const sources = {
  minimum,
  maximum,
  clip,
  copyRows,
  transpose,
  sumColumns,
  fillRows,
  rmsNorm,
  rmsNormGrad,
  swiglu,
  swigluGrad,
  softmaxGrad,
  rowStats,
  negatedSoftmaxTimes,
  packPanel,
} as const satisfies Readonly<Record<string, KernelSource>>
