import type fc from 'fast-check'
import type { Case } from '../evaluate.ts'

/** One primitive of the algebra and where to try it. */
export interface Operation {
  readonly name: string
  readonly values: { readonly random: fc.Arbitrary<Case>; readonly fixed?: ReadonlyArray<Case> }
  /** Inputs with a gradient (no kinks, no ties), small enough for central differences; none where nothing is differentiable. */
  readonly smooth?: { readonly random: fc.Arbitrary<Case>; readonly fixed?: ReadonlyArray<Case> }
}

/** Sizes for values (729 elements at most) and for central differences (64 at most). */
export const valueSizes = { maxSize: 3 }
export const smoothSizes = { maxSize: 2 }
