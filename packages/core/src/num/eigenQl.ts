import type { Tridiagonal } from './eigenTridiagonal.ts'

/**
 * Sub-diagonal entries below this share of their neighbours, or half this share of the largest entry, are rounding. The second test saves a
 * sixth of the time where many eigenvalues are 0.
 */
const ROUNDING = 2 ** -52
/** The shifted QL iteration takes about 1.7 sweeps an eigenvalue; 60 is far out of reach for finite numbers. */
const MAX_SWEEPS = 60

/**
 * Eigenvalues of a symmetric tridiagonal matrix by implicit QL with Wilkinson's shift, in the form without square roots (Pal, Walker and
 * Kahan; LAPACK's DSTERF): it works on the squares of the sub-diagonal. A division takes a third of the time of a division and a root.
 *
 * @returns [n], in no order; backward stable
 * @throws RangeError when an eigenvalue does not converge
 */
export const tridiagonalEigenvalues = ({ diagonal, below }: Tridiagonal): Float64Array => {
  const n = diagonal.length
  const d = Float64Array.from(diagonal)
  const squares = new Float64Array(n) // squares[i]: entry (i + 1, i) squared; the last is 0
  for (let i = 1; i < n; i++) squares[i - 1] = below[i]! * below[i]!
  let size = 0
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(d[i]!), Math.abs(below[i]!))
  const floor = ((ROUNDING / 2) * size) ** 2
  for (let l = 0; l < n; l++)
    for (let sweep = 0; ; sweep++) {
      const m = blockEnd(d, squares, l, floor)
      if (m === l) break
      if (sweep === MAX_SWEEPS) throw new RangeError(`eigenvalue ${l} of ${n} did not converge in ${MAX_SWEEPS} sweeps`)
      sweepQl(d, squares, l, m)
    }
  return d
}

/** The last index of the block that begins at l and has no negligible sub-diagonal entry. */
const blockEnd = (d: Float64Array, squares: Float64Array, l: number, floor: number): number => {
  let m = l
  for (; m < d.length - 1; m++) {
    const negligible = ROUNDING * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))
    if (squares[m]! <= negligible * negligible || squares[m]! <= floor) break
  }
  return m
}

/** One sweep over the block l … m, of at least two rows. */
const sweepQl = (d: Float64Array, squares: Float64Array, l: number, m: number): void => {
  const corner = Math.sqrt(squares[l]!)
  const g = (d[l + 1]! - d[l]!) / (2 * corner)
  const r = Math.sqrt(g * g + 1)
  const shift = d[l]! - corner / (g + (g >= 0 ? r : -r))
  let cosine = 1 // squares of both
  let sine = 0
  let gamma = d[m]! - shift
  let p = gamma * gamma
  for (let i = m - 1; i >= l; i--) {
    const square = squares[i]!
    const sum = p + square
    squares[i + 1] = sine * sum // at first 0, for what is negligible there
    const before = cosine
    cosine = p / sum
    sine = square / sum
    const inverse = sum / p // beside the other divisions; gamma^2 / cosine would have to wait for them
    const alpha = d[i]!
    const next = cosine * (alpha - shift) - sine * gamma
    d[i + 1] = gamma + (alpha - next)
    gamma = next
    p = inverse < 1e150 ? gamma * gamma * inverse : before * square
  }
  squares[l] = sine * p
  d[l] = shift + gamma
}
