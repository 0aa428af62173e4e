import type { Tensor } from '@durian/backend-tfjs'
import { bindingLaws } from '@durian/backend-tfjs/laws'
import type { Backend } from '@durian/core'
import { allLaws, type Law, withGaps } from '@durian/core/laws'
import { gaps } from './gaps.ts'
import { tolerances } from './tolerances.ts'

/** What holds on WebGPU, in Node and in the browser alike: core's laws, and those of the paper's quantities on the device. */
export const webGpuLaws = (backend: Backend<Tensor>): ReadonlyArray<Law> => [
  ...withGaps(
    allLaws({
      backend,
      tolerance: tolerances.values,
      gradientTolerance: tolerances.gradients,
      seed: 7,
      // 25 elsewhere; a software adapter compiles a shader for each new combination of ranks, which is most of the time
      runs: 6,
    }),
    gaps,
  ),
  ...bindingLaws(backend),
]
