import { createHash, type Hash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { downloadFile, HubApiError, listFiles, type ListFileEntry, modelInfo } from '@huggingface/hub'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { loadPolicyConfig } from '../policy/files.ts'
import { blobFile, linkBlob, snapshotFolder, writeRef } from './cache.ts'
import { isModelFile, isWeights, missingFile, missingFileIn } from '../policy/folderFiles.ts'
import { isCommit, type ModelId } from './modelId.ts'
import type { HubSettings } from './settings.ts'

export interface DownloadHooks {
  /** Bytes so far, of those that this download has to bring. */
  readonly onProgress?: (progress: { readonly file: string; readonly done: number; readonly total: number }) => void
  /** Milliseconds before the first repetition, doubled for each further one; default half a second. */
  readonly patience?: number
}

/** Times that a connection may break without a byte between. */
const ATTEMPTS = 5

/** What the Hub or the network said, as a clause, and whether the model may still be in the cache. */
export interface HubFailure {
  readonly _tag: 'Unreachable' | 'Refused'
  readonly reason: string
}

const failureOf = (thrown: unknown, { name, revision }: ModelId): HubFailure => {
  if (!(thrown instanceof HubApiError)) return { _tag: 'Unreachable', reason: causeOf(thrown) }
  if (thrown.statusCode === 404) return { _tag: 'Refused', reason: `the Hub has no ${name} at revision ${revision}` }
  if (thrown.statusCode === 401 || thrown.statusCode === 403)
    return {
      _tag: 'Refused',
      reason: `the Hub has no ${name} for this user: it may be misspelt, private or gated; a token goes into HF_TOKEN`,
    }
  return { _tag: 'Unreachable', reason: `status ${thrown.statusCode}` }
}

/** fetch says only "fetch failed"; the reason is the cause of that. */
const causeOf = (thrown: unknown): string => {
  const { cause, message } = thrown as {
    readonly cause?: { readonly code?: string; readonly message?: string }
    readonly message?: string
  }
  return cause?.code ?? cause?.message ?? message ?? String(thrown)
}

const credentials = ({ endpoint, token }: HubSettings) => ({
  hubUrl: endpoint,
  ...(token === undefined ? {} : { accessToken: token }),
})

/** The commit that a revision names now. */
export const currentCommit =
  (settings: HubSettings, id: ModelId): TE.TaskEither<HubFailure, string> =>
  async () => {
    try {
      const { sha } = await modelInfo({
        name: id.name,
        revision: id.revision,
        additionalFields: ['sha'],
        ...credentials(settings),
      })
      return isCommit(sha) ? E.right(sha) : E.left({ _tag: 'Unreachable', reason: 'its answer names no commit' })
    } catch (thrown) {
      return E.left(failureOf(thrown, id))
    }
  }

/**
 * Bring a model's files into the cache, in the layout that Hugging Face's libraries share: what is there is kept, a file that broke off goes on
 * where it stopped, each is compared with its checksum. Configuration and tokenizer come first, so that a policy this program cannot run is
 * refused before its weights are fetched.
 *
 * @param commit - of `id`, 40 hexadecimal digits
 * @returns the snapshot's folder
 */
export const downloadModel = (
  settings: HubSettings,
  id: ModelId,
  commit: string,
  { onProgress, patience = 500 }: DownloadHooks = {},
): TE.TaskEither<TrainError, string> =>
  attempt(async (take) => {
    const fail = (reason: string) => take<never>(E.left(badInput(`Model ${id.name}: ${reason}.`)))
    const folder = snapshotFolder(settings.cache, id, commit)
    if ((await missingFileIn(folder)) === undefined) {
      await writeRef(settings.cache, id, commit)
      return folder
    }
    const files: ListFileEntry[] = []
    try {
      for await (const file of listFiles({ repo: id.name, revision: commit, ...credentials(settings) }))
        if (file.type === 'file' && isModelFile(file.path)) files.push(file)
    } catch (thrown) {
      return fail(failureOf(thrown, id).reason)
    }
    const missing = missingFile(new Set(files.map(({ path }) => path)))
    if (missing !== undefined) return fail(`its repository has no ${missing}, which a Qwen2.5-VL in safetensors has`)
    const first = ({ path, size }: ListFileEntry): number =>
      path === 'config.json' ? -1 : isWeights(path) ? 1e15 : size
    files.sort((a, b) => first(a) - first(b) || (a.path < b.path ? -1 : 1))
    const wanted: Wanted[] = []
    for (const file of files) {
      const etag = file.lfs?.oid ?? file.oid ?? ''
      if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) return fail(`the Hub gives no checksum for ${file.path}`)
      const blob = blobFile(settings.cache, id, etag)
      wanted.push({ path: file.path, size: file.size, etag, blob, pointer: join(folder, file.path) })
    }
    const total = wanted.reduce((sum, { blob, size }) => sum + (existsSync(blob) ? 0 : size), 0)
    let before = 0
    let judged = false
    await mkdir(folder, { recursive: true })
    for (const file of wanted) {
      if (isWeights(file.path) && !judged) {
        await take(loadPolicyConfig(folder))
        await take(roomFor(folder, total - before))
        judged = true
      }
      if (!existsSync(file.blob)) {
        const report = (done: number): void => onProgress?.({ file: file.path, done: before + done, total })
        await take(fetched(settings, { id, commit, file, report, patience }))
        before += file.size
      }
      await linkBlob(file.blob, file.pointer)
    }
    await writeRef(settings.cache, id, commit)
    return folder
  })

interface Wanted {
  readonly path: string
  readonly size: number
  /** SHA-256 of a large file, git's SHA-1 of a small one. */
  readonly etag: string
  readonly blob: string
  readonly pointer: string
}

const roomFor = (folder: string, bytes: number): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const { bavail, bsize } = await statfs(folder)
    const gigabytes = (n: number): string => (n / 1e9).toFixed(1)
    if (bavail * bsize < bytes)
      await take(
        E.left(
          badInput(
            `The weights need ${gigabytes(bytes)} GB and ${folder} has ${gigabytes(bavail * bsize)} GB free; make room, or name another folder with HF_HOME.`,
          ),
        ),
      )
  })

interface Fetching {
  readonly id: ModelId
  readonly commit: string
  readonly file: Wanted
  readonly report: (done: number) => void
  readonly patience: number
}

/** One file into its blob, in as many pieces as the connection makes of it. */
const fetched = (
  settings: HubSettings,
  { id, commit, file, report, patience }: Fetching,
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const { path, size, etag, blob } = file
    const part = `${blob}.incomplete`
    await mkdir(dirname(blob), { recursive: true })
    for (let failures = 0; ;) {
      const from = await sizeOf(part)
      if (from === size && existsSync(part)) break
      try {
        if (from > size) {
          await rm(part) // a server that ignores ranges sends the beginning again
          throw new Error('more bytes came than the file has')
        }
        const source = await downloadFile({
          repo: id.name,
          path,
          revision: commit,
          xet: false,
          ...credentials(settings),
        })
        if (source === null) throw new Error('the Hub has it no longer')
        await append(part, source.slice(from, size), (written) => report(from + written))
      } catch (thrown) {
        if (isFull(thrown)) await take(E.left(runFailed(`${part}: the disk is full; make room and start again.`)))
        failures = (await sizeOf(part)) > from ? 1 : failures + 1
        if (failures >= ATTEMPTS)
          await take(
            E.left(
              runFailed(
                `Download of ${path} of ${id.name} broke off (${causeOf(thrown)}); start again, it goes on from where it stopped.`,
              ),
            ),
          )
        await wait(patience * 2 ** (failures - 1))
      }
    }
    if ((await checksum(part, { size, etag })) !== etag) {
      await rm(part)
      await take(E.left(runFailed(`${path} of ${id.name} arrived damaged and was deleted; start again.`)))
    }
    await rename(part, blob)
  })

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => ({ size: 0 }))).size
const isFull = (thrown: unknown): boolean => (thrown as { readonly code?: unknown }).code === 'ENOSPC'

const append = async (path: string, source: Blob, report: (written: number) => void): Promise<void> => {
  const file = await open(path, 'a')
  try {
    let written = 0
    for await (const bytes of source.stream() as unknown as AsyncIterable<Uint8Array>) {
      await file.writeFile(bytes)
      report((written += bytes.length))
    }
  } finally {
    await file.close()
  }
}

/** Git's name of a small file is the SHA-1 of a header and its bytes; a large one goes by the SHA-256 of its bytes. */
const checksum = async (
  path: string,
  { size, etag }: { readonly size: number; readonly etag: string },
): Promise<string> => {
  const hash: Hash = etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
  for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array)
  return hash.digest('hex')
}
