import type { Tolerance } from '@durian/core/laws'

interface Tolerances {
  readonly values: Tolerance
  readonly gradients: Tolerance
}

/**
 * How far WebGPU may be from the float64 reference.
 *
 * float32: WGSL promises `exp(x)` only to 3 + 2|x| units in the last place (WGSL 15.7.4.1), which is 1e-5 at the law's largest |x| of 60 to 80;
 * SwiftShader was off by 2.4e-6 there, everything else by less than 2e-6.
 *
 * mixed: a number of 16 bits is off by at most 2^-11 = 4.9e-4 of itself, which is all there is where a kernel's result is narrowed (RMSNorm,
 * SwiGLU; measured 4.8e-4). Inputs of the laws are numbers that 16 bits hold, and sums are float32, so a product adds nothing; keys that are
 * turned before they are kept are off by 7e-5 of the largest value. Gradients of whole blocks meet several roundings: at most 0.62 of what is
 * allowed here. Not tighter, as other seeds meet other sums that cancel.
 */
export const tolerances: Tolerances & { readonly mixed: Tolerances } = {
  values: { atol: 2e-6, rtol: 1e-5 },
  gradients: { atol: 1e-5, rtol: 5e-5 },
  mixed: {
    values: { atol: 2e-4, rtol: 6e-4 },
    gradients: { atol: 2e-3, rtol: 2e-3 },
  },
}
