import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, type TrainError } from '../errors.ts'
import type { PictureEntropy } from './visionEntropy.ts'

/** Entropies by content: the key is a hash of the encoder and of the pictures' bytes. */
export interface EntropyCache {
  readonly get: (key: string) => PictureEntropy | undefined
  readonly add: (key: string, value: PictureEntropy) => Promise<void>
  readonly close: () => Promise<void>
}

const FILE = 'entropies.jsonl'

const isEntry = (u: unknown): u is PictureEntropy & { readonly key: string } => {
  if (typeof u !== 'object' || u === null) return false
  const { key, entropy, patches, dim } = u as Record<string, unknown>
  const numbers = [entropy, patches, dim]
  return typeof key === 'string' && numbers.every((value) => typeof value === 'number' && Number.isFinite(value))
}

/** Entries of a cache file; a line that a crash cut off, or that anybody changed, is not one. */
const entries = (text: string): Map<string, PictureEntropy> => {
  const found = new Map<string, PictureEntropy>()
  for (const line of text.split('\n')) {
    try {
      const entry: unknown = JSON.parse(line)
      if (isEntry(entry)) found.set(entry.key, { entropy: entry.entropy, patches: entry.patches, dim: entry.dim })
    } catch {
      continue
    }
  }
  return found
}

/** A cache in a folder, one appended line an entry, so that what a run computed before it was stopped is kept. */
export const openEntropyCache = (folder: string): TE.TaskEither<TrainError, EntropyCache> =>
  attempt(async (take) => {
    const path = join(folder, FILE)
    const unusable = (thrown: unknown) =>
      take<never>(
        E.left(badInput(`The cache ${path} cannot be used (${(thrown as Error).message}); --cache takes a folder.`)),
      )
    try {
      await mkdir(folder, { recursive: true })
      const text = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code === 'ENOENT') return ''
        throw thrown
      })
      const known = entries(text)
      const file = await open(path, 'a')
      let closed = false
      if (text !== '' && !text.endsWith('\n')) await file.appendFile('\n')
      return {
        get: (key) => known.get(key),
        add: async (key, value) => {
          if (closed) return // a row that was begun before an error ended the run
          known.set(key, value)
          await file.appendFile(`${JSON.stringify({ key, ...value })}\n`)
        },
        close: () => {
          closed = true
          return file.close()
        },
      }
    } catch (thrown) {
      return unusable(thrown)
    }
  })
