import { centredSpectrum, centredSpectrumOfTiles } from '../num/centredSpectrum.ts'
import type { Matrix } from '../num/matrix.ts'
import { spectralEntropy } from './spectralEntropy.ts'

/**
 * Visual entropy of an image: the entropy of the spectrum of its patch features. Low = visually easy, high = hard.
 *
 *   H(I) = spectralEntropy(eig((F - 1 mu^T)(F - 1 mu^T)^T / (P - 1)))                        (paper, eq. 5-9)
 *
 * The [d, d] product is used when it is the smaller one: the non-zero eigenvalues are the same. The entropy ignores scale, so nothing is
 * divided by P - 1. 16,384 patches of 1,280 features need 7 MB beside the features.
 *
 * @param features - F, [P, d], one row a patch; the patches of several images under each other
 * @returns H, nats, in [0, ln min(P - 1, d)]; 0 for P = 1 and for features without variance
 * @throws ShapeError when the data does not fill the matrix; RangeError for no features, or one that is not finite
 */
export const visualEntropy = (features: Matrix): number => {
  if (features.rows * features.cols === 0) throw new RangeError('visual entropy of no features')
  return spectralEntropy(centredSpectrum(features))
}

/**
 * Visual entropy of features that come as tiles of patches and are never whole in memory.                          (paper, eq. 5-9)
 *
 * @param tiles - [P_t, d] each, the patches of an image (or of several) in pieces; read once, lazily
 * @returns `visualEntropy` of the tiles under each other, up to rounding; takes [d, d] / 2 numbers and one tile
 * @throws ShapeError when a tile is not full or not as wide as the first; RangeError for no features, or one that is not finite
 */
export const visualEntropyOfTiles = (tiles: Iterable<Matrix>): number => {
  const spectrum = centredSpectrumOfTiles(tiles)
  if (spectrum.length === 0) throw new RangeError('visual entropy of no features')
  return spectralEntropy(spectrum)
}
