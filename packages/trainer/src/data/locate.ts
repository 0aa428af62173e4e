import { either as E } from 'fp-ts'
import { readdir, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'

const endings: ReadonlyArray<string> = ['.parquet', '.jsonl']
const isDataFile = (path: string): boolean => endings.includes(extname(path))

const kindOf = async (path: string): Promise<'file' | 'directory' | 'absent'> => {
  try {
    return (await stat(path)).isDirectory() ? 'directory' : 'file'
  } catch {
    return 'absent'
  }
}

/** The split a file belongs to: `train.parquet`, `train-00000-of-00002.parquet`. */
const splitOf = (file: string): string => basename(file, extname(file)).replace(/-\d{5}-of-\d{5}$/, '')

/** Data files of a directory, or of its `data/` as the Hub lays them out, in name order. */
const filesIn = async (directory: string): Promise<ReadonlyArray<string>> => {
  const here = (await readdir(directory)).filter(isDataFile).sort()
  if (here.length > 0) return here.map((name) => join(directory, name))
  const nested = join(directory, 'data')
  if ((await kindOf(nested)) !== 'directory') return []
  return (await readdir(nested))
    .filter(isDataFile)
    .sort()
    .map((name) => join(nested, name))
}

/**
 * The files that `path`, `directory` or `directory@split` names, in order; Left is a whole sentence.
 * A directory with one split needs no `@split`.
 */
export const locateData = async (spec: string): Promise<E.Either<string, ReadonlyArray<string>>> => {
  const at = spec.lastIndexOf('@')
  const whole = at < 0 ? spec : (await kindOf(spec)) === 'absent' ? null : spec
  const path = whole ?? spec.slice(0, at)
  const split = whole === null ? spec.slice(at + 1) : null
  const kind = await kindOf(path)
  if (kind === 'absent')
    return E.left(
      `Data ${path} does not exist; name a .parquet or .jsonl file, or a directory of them as directory@split.`,
    )
  if (kind === 'file') {
    if (split !== null) return E.left(`Data ${path} is a file and has no split "${split}"; leave out @${split}.`)
    if (!isDataFile(path)) return E.left(`Data ${path} is neither .parquet nor .jsonl; convert it to one of them.`)
    return E.right([path])
  }
  const files = await filesIn(path)
  const splits = [...new Set(files.map(splitOf))]
  if (files.length === 0)
    return E.left(
      `Data directory ${path} holds no .parquet or .jsonl file; fill it, e.g. with durian data make --out ${path}.`,
    )
  const wanted = split ?? (splits.length === 1 ? splits[0]! : null)
  if (wanted === null)
    return E.left(`Data directory ${path} holds ${splits.join(', ')}; say which one, e.g. ${path}@${splits[0]!}.`)
  const chosen = files.filter((file) => splitOf(file) === wanted)
  return chosen.length > 0
    ? E.right(chosen)
    : E.left(`Data directory ${path} has no split "${wanted}"; it holds ${splits.join(', ')}.`)
}
