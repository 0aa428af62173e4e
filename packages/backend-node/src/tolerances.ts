import type { Tolerance } from '@durian/core/laws'

/** How far a backend may be from the float64 reference. All of them compute in float32 (unit roundoff 6e-8). */
export interface Tolerances {
  readonly values: Tolerance
  readonly gradients: Tolerance
}

export const tolerances: Readonly<Record<'wasm' | 'tensorflow', Tolerances>> = {
  wasm: { values: { atol: 1e-5, rtol: 1e-5 }, gradients: { atol: 1e-5, rtol: 1e-5 } },
  tensorflow: { values: { atol: 1e-5, rtol: 1e-5 }, gradients: { atol: 1e-5, rtol: 1e-5 } },
}
