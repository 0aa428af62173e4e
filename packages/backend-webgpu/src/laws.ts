import type { Tensor } from '@durian/backend-tfjs'
import { bindingLaws } from '@durian/backend-tfjs/laws'
import type { Backend } from '@durian/core'
import { allLaws, type Law, type Subject, withGaps } from '@durian/core/laws'
import { gaps } from './gaps.ts'
import { half } from './half.ts'
import type { Precision } from './kernels/kernel.ts'
import { tolerances } from './tolerances.ts'

/** What holds on WebGPU, in Node and in the browser alike: core's laws, and those of the paper's quantities on the device. */
export const webGpuLaws = (backend: Backend<Tensor>, precision: Precision = 'float32'): ReadonlyArray<Law> => [
  ...withGaps(
    allLaws({
      backend,
      ...exactnessOf(precision),
      seed: 7,
      // 25 elsewhere; a software adapter compiles a shader for each new combination of ranks, which is most of the time
      runs: 6,
    }),
    gaps,
  ),
  ...bindingLaws(backend),
]

/** How exact a backend of this precision is, as laws want it told. */
export const exactnessOf = (
  precision: Precision,
): Pick<Subject<Tensor>, 'tolerance' | 'gradientTolerance' | 'held'> => {
  const { values, gradients } = precision === 'mixed' ? tolerances.mixed : tolerances
  return { tolerance: values, gradientTolerance: gradients, ...(precision === 'mixed' ? { held: half } : {}) }
}
