import { visualEntropy } from '@durian/core'
import { FeatureRow } from '@durian/core/codec'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt, type Take } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readSafetensors } from '../io/safetensors.ts'
import { jsonRows, type OnError } from './jsonRows.ts'
import { warn } from './lines.ts'

/** A line out of `durian entropy`. */
export interface EntropyResult {
  readonly id: string
  /** H(I), nats (paper, eq. 9); null for a row of a data set without a picture. */
  readonly entropy: number | null
  /** Rows of the feature matrix; 0 without a picture. */
  readonly patches: number
  readonly dim: number
}

/**
 * `durian entropy < features.jsonl` without its streams: `{"id", "features": [P][d]}` a line in, an `EntropyResult` a line out as soon as it
 * is computed.
 */
export const entropyLines = async function* (
  lines: AsyncIterable<string>,
  take: Take<TrainError>,
  { onError, say = warn }: { readonly onError: OnError; readonly say?: (sentence: string) => void },
): AsyncGenerator<string> {
  const reduce = ({ id, features }: FeatureRow): E.Either<string, EntropyResult> => {
    const [patches, dim] = [features.length, features[0]!.length]
    return E.right({ id, entropy: visualEntropy({ rows: patches, cols: dim, data: features.flat() }), patches, dim })
  }
  for await (const result of jsonRows(lines, { codec: FeatureRow, reduce, onError, take, warn: say }))
    yield JSON.stringify(result)
}

/** Entropies of the matrices in a safetensors file, in order of their names: one [P, d] tensor a picture. */
export const fileEntropies = (path: string): TE.TaskEither<TrainError, ReadonlyArray<EntropyResult>> =>
  attempt(async (take) => {
    const tensors = await take(readSafetensors(path))
    const names = Object.keys(tensors).sort()
    if (names.length === 0) return take<never>(E.left(badInput(`${path}: it holds no tensor.`)))
    const results: Array<EntropyResult> = []
    for (const id of names) {
      const { shape, data } = tensors[id]!
      const [patches, dim] = shape
      if (shape.length !== 2 || patches === 0 || dim === 0)
        return take<never>(
          E.left(
            badInput(
              `${path}: tensor '${id}' has shape [${shape.join(', ')}]; give one [patches, dim] matrix a picture.`,
            ),
          ),
        )
      const odd = data.findIndex((value) => !Number.isFinite(value))
      if (odd >= 0)
        return take<never>(
          E.left(badInput(`${path}: entry ${odd} of tensor '${id}' is ${data[odd]}, not a finite number.`)),
        )
      results.push({ id, entropy: visualEntropy({ rows: patches!, cols: dim!, data }), patches: patches!, dim: dim! })
    }
    return results
  })
