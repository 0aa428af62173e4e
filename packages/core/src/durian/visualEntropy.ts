import { centredColumns, gram } from '../num/centredProduct.ts'
import { symmetricEigenvalues } from '../num/eigen.ts'
import { checkMatrix, type Matrix, transposed } from '../num/matrix.ts'
import { spectralEntropy } from './spectralEntropy.ts'

/**
 * Visual entropy of an image: the entropy of the spectrum of its patch features. Low = visually easy, high = hard.
 *
 *   H(I) = spectralEntropy(eig((F - 1 mu^T)(F - 1 mu^T)^T / (P - 1)))                        (paper, eq. 5-9)
 *
 * The [d, d] product is used when it is the smaller one: the non-zero eigenvalues are the same. The entropy ignores scale, so the
 * features are brought to size 1 instead of being divided by P - 1, and squares neither overflow nor vanish.
 *
 * @param features - F, [P, d], one row a patch; the patches of several images under each other
 * @returns H, nats, in [0, ln min(P - 1, d)]; 0 for P = 1 and for features without variance
 * @throws ShapeError when the data does not fill the matrix; RangeError for no features, or one that is not finite
 */
export const visualEntropy = (features: Matrix): number => {
  checkMatrix(features)
  if (features.data.length === 0) throw new RangeError('visual entropy of no features')
  const size = largestFinite(features.data)
  const centred = centredColumns(unitSized(features, size)) // [P, d]
  const spread = largestFinite(centred.data)
  const scaled = unitSized(centred, spread)
  const { rows, cols } = scaled
  return spectralEntropy(symmetricEigenvalues(gram(rows <= cols ? scaled : transposed(scaled))))
}

/** Largest magnitude. @throws RangeError for an entry that is not finite */
const largestFinite = (data: ArrayLike<number>): number => {
  let size = 0
  for (let i = 0; i < data.length; i++) {
    const entry = Math.abs(data[i]!)
    if (!Number.isFinite(entry)) throw new RangeError(`feature ${i} is ${data[i]}, not a finite number`)
    if (entry > size) size = entry
  }
  return size
}

/** The matrix divided by the power of two at or below `size` (exact), so its largest entry lies in [1, 2). */
const unitSized = ({ rows, cols, data }: Matrix, size: number): Matrix => {
  const unit = size > 0 ? 2 ** Math.max(-1022, Math.floor(Math.log2(size))) : 1
  const out = new Float64Array(data.length) // a loop: Float64Array.from with a callback takes 20 times as long
  for (let i = 0; i < out.length; i++) out[i] = data[i]! / unit
  return { rows, cols, data: out }
}
