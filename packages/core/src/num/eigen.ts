import { ShapeError } from '../ops/shape.ts'
import type { SquareMatrix } from './matrix.ts'

/** Sub-diagonal entries below this share of their neighbours are rounding. */
const ROUNDING = 2 ** -52
/** The shifted QL iteration takes about 1.7 sweeps an eigenvalue; 60 is far out of reach for finite numbers. */
const MAX_SWEEPS = 60

/**
 * Eigenvalues of a real symmetric matrix, without vectors: Householder reduction to tridiagonal form, then implicitly shifted QL.
 * 4/3 n^3 + O(n^2) operations; backward stable, errors about 1e-15 times the largest eigenvalue.
 *
 * @param matrix - [n, n], row-major, finite, symmetric; only the lower triangle is read
 * @returns [n], ascending
 * @throws ShapeError when the data does not fill the matrix; RangeError for an entry that is not finite
 */
export const symmetricEigenvalues = ({ n, data }: SquareMatrix): Float64Array => {
  if (data.length !== n * n) throw new ShapeError(`${data.length} numbers do not fill a [${n}, ${n}] matrix`)
  const a = new Float64Array(n * n)
  const scale = largest(data)
  if (!Number.isFinite(scale)) throw new RangeError('eigenvalues of a matrix with an entry that is not finite')
  if (scale === 0) return new Float64Array(n)
  // Entries of size 1 keep squares away from overflow and underflow.
  for (let i = 0; i < a.length; i++) a[i] = data[i]! / scale
  const { diagonal, below } = tridiagonal(a, n)
  return tridiagonalEigenvalues(diagonal, below)
    .map((value) => value * scale)
    .sort()
}

/** Largest magnitude; NaN if any entry is NaN. */
const largest = (data: ArrayLike<number>): number => {
  let size = 0
  for (let i = 0; i < data.length; i++) {
    const entry = Math.abs(data[i]!)
    if (!(entry <= size)) size = entry
    if (Number.isNaN(size)) return size
  }
  return size
}

/**
 * Orthogonal reduction to tridiagonal form, from the last row up: row k loses all but its last entry to the reflection
 * H = I - v v^T / h, and the leading k x k block becomes A - v q^T - q v^T. Works on the lower triangle, row by row, in place.
 */
const tridiagonal = (a: Float64Array, n: number): { diagonal: Float64Array; below: Float64Array } => {
  const diagonal = new Float64Array(n)
  const below = new Float64Array(n) // below[k]: entry (k, k-1)
  const q = new Float64Array(n)
  for (let k = n - 1; k > 0; k--) {
    const v = a.subarray(k * n, k * n + k)
    diagonal[k] = a[k * n + k]!
    const last = v[k - 1]!
    let tail = 0
    for (let j = 0; j < k - 1; j++) tail += v[j]! * v[j]!
    if (tail === 0) {
      below[k] = last
      continue
    }
    const norm = Math.sqrt(tail + last * last)
    const reflected = last > 0 ? -norm : norm // sign against cancellation
    below[k] = reflected
    v[k - 1] = last - reflected
    const h = norm * norm - last * reflected
    symmetricTimes(a, n, v, q)
    let overlap = 0
    for (let j = 0; j < k; j++) {
      q[j]! /= h
      overlap += q[j]! * v[j]!
    }
    const half = overlap / (2 * h)
    for (let j = 0; j < k; j++) q[j]! -= half * v[j]!
    subtractPair(a, n, v, q)
  }
  diagonal[0] = a[0]!
  return { diagonal, below }
}

/** q = A v for the leading block, each stored row used twice: as itself and as the column it mirrors. */
const symmetricTimes = (a: Float64Array, n: number, v: Float64Array, q: Float64Array): void => {
  const k = v.length
  for (let i = 0; i < k; i++) {
    const row = i * n
    const vi = v[i]!
    let s0 = 0
    let s1 = 0
    let j = 0
    for (; j + 1 < i; j += 2) {
      const x = a[row + j]!
      const y = a[row + j + 1]!
      s0 += x * v[j]!
      s1 += y * v[j + 1]!
      q[j]! += x * vi
      q[j + 1]! += y * vi
    }
    if (j < i) {
      const x = a[row + j]!
      s0 += x * v[j]!
      q[j]! += x * vi
    }
    q[i] = s0 + s1 + a[row + i]! * vi
  }
}

/** A - v q^T - q v^T on the lower triangle of the leading block. */
const subtractPair = (a: Float64Array, n: number, v: Float64Array, q: Float64Array): void => {
  const k = v.length
  for (let i = 0; i < k; i++) {
    const row = i * n
    const vi = v[i]!
    const qi = q[i]!
    for (let j = 0; j <= i; j++) a[row + j]! -= vi * q[j]! + qi * v[j]!
  }
}

/** Implicit QL with Wilkinson's shift on a symmetric tridiagonal matrix; destroys its arguments and returns the diagonal. */
const tridiagonalEigenvalues = (diagonal: Float64Array, below: Float64Array): Float64Array => {
  const n = diagonal.length
  const d = diagonal
  const e = new Float64Array(n) // e[i]: entry (i+1, i); the last is 0
  for (let i = 1; i < n; i++) e[i - 1] = below[i]!
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l
      while (m < n - 1 && Math.abs(e[m]!) > ROUNDING * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++
      if (m === l) break
      if (sweep === MAX_SWEEPS) throw new RangeError(`eigenvalue ${l} of ${n} did not converge in ${MAX_SWEEPS} sweeps`)
      sweepQl(d, e, l, m)
    }
  }
  return d
}

/** One QL sweep over the unreduced block l … m. */
const sweepQl = (d: Float64Array, e: Float64Array, l: number, m: number): void => {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!)
  let r = Math.hypot(g, 1)
  g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r))
  let sine = 1
  let cosine = 1
  let carried = 0
  for (let i = m - 1; i >= l; i--) {
    const f = sine * e[i]!
    const b = cosine * e[i]!
    r = Math.sqrt(f * f + g * g)
    e[i + 1] = r
    if (r === 0) {
      // The rotation vanished: the block splits here, and the next sweep sees two.
      d[i + 1]! -= carried
      e[m] = 0
      return
    }
    sine = f / r
    cosine = g / r
    g = d[i + 1]! - carried
    r = (d[i]! - g) * sine + 2 * cosine * b
    carried = sine * r
    d[i + 1] = g + carried
    g = cosine * r - b
  }
  d[l]! -= carried
  e[l] = g
  e[m] = 0
}
