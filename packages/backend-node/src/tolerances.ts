import type { Tolerance } from '@durian/core/laws'

/** How far a backend may be from the float64 reference. */
export interface Tolerances {
  readonly values: Tolerance
  readonly gradients: Tolerance
}

/**
 * Both backends compute in float32 (unit roundoff 6e-8). Measured with 40 random inputs a law: values pass at 1e-6 on both and fail at 2e-7;
 * gradients pass at 1e-5 and fail at 3e-6, by rmsNorm near the zero vector (6e-6 relative) and the decoder block (3e-6 absolute).
 */
export const tolerances: Readonly<Record<'wasm' | 'tensorflow', Tolerances>> = {
  wasm: { values: { atol: 2e-6, rtol: 2e-6 }, gradients: { atol: 1e-5, rtol: 1e-5 } },
  tensorflow: { values: { atol: 2e-6, rtol: 2e-6 }, gradients: { atol: 1e-5, rtol: 1e-5 } },
}
