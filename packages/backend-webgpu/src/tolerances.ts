import type { Tolerance } from '@durian/core/laws'

/**
 * How far WebGPU may be from the float64 reference. WGSL computes in float32 and promises `exp(x)` only to 3 + 2|x| units in the last place
 * (WGSL 15.7.4.1), which is 1e-5 at the law's largest |x| of 60 to 80; SwiftShader was off by 2.4e-6 there, everything else by less than 2e-6.
 */
export const tolerances: { readonly values: Tolerance; readonly gradients: Tolerance } = {
  values: { atol: 2e-6, rtol: 1e-5 },
  gradients: { atol: 1e-5, rtol: 5e-5 },
}
