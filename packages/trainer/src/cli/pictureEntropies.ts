import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { either as E, type taskEither as TE } from 'fp-ts'
import { loadDataset } from '../data/dataset.ts'
import { attempt, type Take } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import { openEntropyCache } from './entropyCache.ts'
import { withVisionPool } from './entropyPool.ts'
import type { EntropyResult } from './featureEntropies.ts'
import type { OnError } from './jsonRows.ts'
import { warn } from './lines.ts'
import type { Progress } from './progress.ts'
import {
  loadVision,
  visionFingerprint,
  withVision,
  type Look,
  type PictureEntropy,
  type VisionFiles,
  type VisionOptions,
} from './visionEntropy.ts'

/** A process takes a second to start: fewer rows are not worth one. */
const ROWS_A_WORKER = 16

/** Pictures that count together: a file of the command line, or a row of a data set. */
export interface PictureRow {
  readonly id: string
  /** Encoded. Left: what is wrong with them, after the row's name. */
  readonly pictures: () => Promise<E.Either<string, ReadonlyArray<Uint8Array>>>
  /** "Picture x.png" or "Row 'x'", as an error names it. */
  readonly name: string
}

export interface EntropiesOptions extends VisionOptions {
  readonly onError: OnError
  /** Processes; default one a core. 1 computes in this process. */
  readonly workers?: number | undefined
  /** Folder of the cache. */
  readonly cache?: string | undefined
  readonly progress: (total: number) => Progress
  /** Takes the lines, in the order of the rows. */
  readonly print: (result: EntropyResult) => Promise<void>
  readonly say?: (sentence: string) => void
}

/** Picture files as rows; the path is the id. */
export const pictureFiles = (paths: ReadonlyArray<string>): ReadonlyArray<PictureRow> =>
  paths.map((path) => ({
    id: path,
    name: `Picture ${path}`,
    pictures: async () => {
      try {
        return E.right([await readFile(path)])
      } catch (thrown) {
        const { code } = thrown as NodeJS.ErrnoException
        return E.left(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`)
      }
    },
  }))

/** The rows of a data set, as `file.parquet`, `file.jsonl` or `folder@split`. */
export const pictureRows = (spec: string): TE.TaskEither<TrainError, ReadonlyArray<PictureRow>> =>
  attempt(async (take) => {
    const { rows } = await take(loadDataset(spec, { answers: 'optional' }))
    return rows.map(({ id, images }) => ({ id, name: `Row '${id}'`, pictures: () => Promise.resolve(E.right(images)) }))
  })

/**
 * Visual entropies of rows of pictures, printed in order as they are ready. The same pictures are looked at once; with a cache, once for
 * all runs with the same encoder.
 */
export const pictureEntropies = (
  rows: ReadonlyArray<PictureRow>,
  options: EntropiesOptions,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const files = await take(loadVision(options.model))
    const workers = options.workers ?? Math.min(availableParallelism(), Math.ceil(rows.length / ROWS_A_WORKER))
    const measure = (look: Look): TE.TaskEither<TrainError, void> => measured(rows, options, { files, look, workers })
    await take(workers > 1 ? withVisionPool(options, workers, measure) : withVision(options, files, measure))
  })

interface Eyes {
  readonly files: VisionFiles
  readonly look: Look
  readonly workers: number
}

type Outcome = E.Either<{ readonly error: TrainError; readonly skippable: boolean }, PictureEntropy>

const measured = (
  rows: ReadonlyArray<PictureRow>,
  { kind, cache: folder, onError, progress: startProgress, print, say = warn }: EntropiesOptions,
  { files, look, workers }: Eyes,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const cache = folder === undefined ? undefined : await take(openEntropyCache(folder))
    const fingerprint = cache === undefined ? '' : visionFingerprint(files, kind)
    const progress = startProgress(rows.length)
    const running = new Map<string, Promise<Outcome>>()

    const outcome = async ({ name, pictures: read }: PictureRow): Promise<Outcome> => {
      const bad = (reason: string): Outcome =>
        E.left({ error: badInput(`${name}: ${reason.replace(/\.$/, '')}.`), skippable: true })
      const pictures = await read()
      if (E.isLeft(pictures)) return bad(pictures.left)
      if (pictures.right.length === 0) return E.right({ entropy: null, patches: 0, dim: 0 })
      const key = keyOf(fingerprint, pictures.right)
      const known = cache?.get(key)
      if (known !== undefined) return E.right(known)
      const before = running.get(key)
      if (before !== undefined) return before
      const result = look(pictures.right)().then(async (found): Promise<Outcome> => {
        if (E.isRight(found)) {
          await cache?.add(key, found.right)
          return found
        }
        const error = found.left
        if (error._tag === 'Failed') return E.left({ error: error.error, skippable: false })
        return bad(pictures.right.length === 1 ? error.reason : `picture ${error.picture + 1}: ${error.reason}`)
      })
      running.set(key, result)
      return result
    }

    try {
      await inOrder(rows, { ahead: 4 * workers, outcome, onError, take, progress, print, say })
    } finally {
      progress.stop()
      await cache?.close()
    }
  })

/** 64 hexadecimal digits: the encoder and every byte of every picture, lengths included. */
const keyOf = (fingerprint: string, pictures: ReadonlyArray<Uint8Array>): string => {
  const hash = createHash('sha256').update(fingerprint)
  for (const picture of pictures) hash.update(`${picture.length};`).update(picture)
  return hash.digest('hex')
}

interface InOrder extends Pick<EntropiesOptions, 'onError' | 'print'> {
  /** Rows begun before the first of them is printed: what is held in memory. */
  readonly ahead: number
  readonly outcome: (row: PictureRow) => Promise<Outcome>
  readonly take: Take<TrainError>
  readonly progress: Progress
  readonly say: (sentence: string) => void
}

/** Rows are begun `ahead` of the one that is printed next. */
const inOrder = async (
  rows: ReadonlyArray<PictureRow>,
  { ahead, outcome, onError, take, progress, print, say }: InOrder,
): Promise<void> => {
  const begun: Array<Promise<Outcome>> = []
  let skipped = 0
  let firstSkipped: TrainError | undefined
  try {
    for (const [i, { id }] of rows.entries()) {
      while (begun.length < rows.length && begun.length < i + ahead) begun.push(outcome(rows[begun.length]!))
      const result = await begun[i]!
      if (E.isLeft(result) && (onError === 'fail' || !result.left.skippable)) await take(E.left(result.left.error))
      progress.update(i + 1)
      if (E.isRight(result)) {
        const { entropy, patches, dim } = result.right
        await print({ id, entropy, patches, dim })
        continue
      }
      skipped++
      firstSkipped ??= result.left.error
    }
  } finally {
    await Promise.all(begun) // they use the encoder, which goes when this ends
  }
  if (firstSkipped !== undefined && 'message' in firstSkipped)
    say(`Skipped ${skipped} of ${rows.length} rows. The first: ${firstSkipped.message}`)
}
