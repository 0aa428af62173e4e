import {
  ShapeError,
  scalar,
  scale,
  spectralEntropy,
  symmetricEigenvalues,
  type Backend,
  type BackendError,
  type TensorOps,
} from '@durian/core'
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { freeing } from './freeing.ts'

/**
 * Visual entropy of features on a device: the smaller Gram matrix is made there, its eigenvalues on the host.
 *
 *   H(I) = spectralEntropy(eig((F - 1 mu^T)(F - 1 mu^T)^T / (P - 1)))                        (paper, eq. 5-9)
 *
 * @param features - F, [P, d], one row a patch; stays the caller's
 * @returns H, nats, in [0, ln min(P - 1, d)]; 0 for P = 1 and for features without variance.
 *   min(P, d)^2 numbers are read back. Features that are not finite reject with RangeError, as core's function throws it.
 */
export const visualEntropy =
  <T>({ ops, memory, transfer }: Pick<Backend<T>, 'ops' | 'memory' | 'transfer'>) =>
  (features: T): TE.TaskEither<BackendError, number> => {
    const [patches = 0, width = 0, ...more] = ops.shape(features)
    if (patches === 0 || width === 0 || more.length > 0) {
      throw new ShapeError(`visualEntropy: features must be [P, d], got [${ops.shape(features)}]`)
    }
    if (patches === 1) return TE.of(0)
    const n = Math.min(patches, width)
    const product = memory.scope(() => centredGram(ops, features)) // [n, n]
    return freeing(
      memory,
      product,
      pipe(
        transfer.read(product),
        TE.map((data) => spectralEntropy(symmetricEigenvalues({ n, data }))),
      ),
    )
  }

/**
 * X X^T or X^T X, whichever is smaller, of the centred features brought to size 1: the entropy ignores scale, and so
 * squares neither overflow nor vanish in float32. The first row goes first: it takes a common offset's digits away exactly.
 */
const centredGram = <T>(ops: TensorOps<T>, features: T): T => {
  const [patches, width] = ops.shape(features) as [number, number]
  const shifted = ops.sub(features, ops.slice(features, [0, 0], [1, width])) // [P, d]
  const centred = ops.sub(shifted, scale(ops, ops.sum(shifted, 0), 1 / patches))
  const size = ops.max(ops.max(ops.abs(centred), 0), 1) // [1, 1]
  const unit = ops.div(centred, ops.maximum(size, scalar(ops, 1e-30)))
  return ops.matmul(unit, unit, patches <= width ? { transposeB: true } : { transposeA: true })
}
