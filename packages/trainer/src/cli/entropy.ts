import { visualEntropy } from '@durian/core'
import { FeatureRow } from '@durian/core/codec'
import type { Command } from 'commander'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { readSafetensors } from '../io/safetensors.ts'
import { readJsonRows } from './jsonRows.ts'
import { filterStdin, writeLines } from './lines.ts'
import { runCommand } from './runCommand.ts'

/** A line out of `durian entropy`. */
export interface EntropyResult {
  readonly id: string
  /** H(I), nats (paper, eq. 9). */
  readonly entropy: number
  readonly patches: number
  readonly dim: number
}

/** `durian entropy < features.jsonl` without its streams: `{"id", "features": [P][d]}` a line in, `EntropyResult` a line out, in order. */
export const runEntropy = (lines: AsyncIterable<string>): TE.TaskEither<TrainError, Iterable<string>> =>
  attempt(async (take) => {
    const results = await take(
      readJsonRows(lines, FeatureRow, ({ id, features }): E.Either<string, EntropyResult> => {
        const [patches, dim] = [features.length, features[0]!.length]
        return E.right({
          id,
          entropy: visualEntropy({ rows: patches, cols: dim, data: features.flat() }),
          patches,
          dim,
        })
      }),
    )
    return results.map((result) => JSON.stringify(result))
  })

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

const fromFile = (path: string): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const results = await take(fileEntropies(path))
    await writeLines(
      process.stdout,
      results.map((result) => JSON.stringify(result)),
    )
  })

/** Adds `durian entropy` to the program. */
export const registerEntropy = (program: Command): void => {
  program
    .command('entropy')
    .summary('visual entropy of feature matrices')
    .description(
      'Prints {"id", "entropy", "patches", "dim"} a line: for each [patches, dim] tensor of --features, or for each line\n' +
        '{"id", "features": [P][d]} of standard input. The entropy is in nats, from 0 to ln min(patches - 1, dim).',
    )
    .option('--features <file>', 'safetensors file with one matrix a picture')
    .action(({ features }: { readonly features?: string }) =>
      runCommand(features === undefined ? filterStdin(runEntropy) : fromFile(features)),
    )
}
