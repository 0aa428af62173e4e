import type { Tolerance } from '@durian/core/laws'

/** How far WebGPU may be from the float64 reference. */
export const tolerances: { readonly values: Tolerance; readonly gradients: Tolerance } = {
  values: { atol: 2e-6, rtol: 2e-6 },
  gradients: { atol: 1e-5, rtol: 5e-5 },
}
