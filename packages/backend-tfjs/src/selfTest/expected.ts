/**
 * What the self-test must give. Made by `referenceOps` in float64: the loss, and for each parameter the derivative of the loss along
 * its direction by central differences (step 1e-5). `selfTest.test.ts` makes them again and compares.
 */
export const expectedLoss = -0.9969638525998334
export const expectedSlopes: Readonly<Record<string, number>> = {
  table: 1.9000191480267323,
  norm: -0.02203509424925087,
  q: 0.012349621447693691,
  k: 0.012215680356142398,
  v: -0.04188529755255743,
  gate: 0.11586881543124149,
  up: -0.04692751238710712,
  down: -0.01715466936280663,
}
