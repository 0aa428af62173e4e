import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type ModelId, isCommit } from './modelId.ts'

/** The folder of a model in the cache: `blobs` by content, `snapshots` by commit with links into them, `refs` from revision to commit. */
const repository = (cache: string, name: string): string => join(cache, `models--${name.replace('/', '--')}`)

export const snapshotFolder = (cache: string, { name }: ModelId, commit: string): string =>
  join(repository(cache, name), 'snapshots', commit)

export const blobFile = (cache: string, { name }: ModelId, etag: string): string =>
  join(repository(cache, name), 'blobs', etag)

/** The commit that a revision named when it was last asked for; undefined when it never was. */
export const cachedCommit = async (cache: string, { name, revision }: ModelId): Promise<string | undefined> => {
  if (isCommit(revision)) return existsSync(snapshotFolder(cache, { name, revision }, revision)) ? revision : undefined
  const text = await readFile(join(repository(cache, name), 'refs', revision), 'utf8').catch(() => '')
  const commit = text.trim()
  return isCommit(commit) ? commit : undefined
}

/** Remembers which commit a branch or tag names. */
export const writeRef = async (cache: string, { name, revision }: ModelId, commit: string): Promise<void> => {
  if (isCommit(revision)) return
  const ref = join(repository(cache, name), 'refs', revision)
  await mkdir(dirname(ref), { recursive: true })
  await writeFile(`${ref}.tmp`, commit)
  await rename(`${ref}.tmp`, ref)
}

/** Puts a blob into a snapshot under its name: a relative link, or a copy where the system has no links. */
export const linkBlob = async (blob: string, pointer: string): Promise<void> => {
  await mkdir(dirname(pointer), { recursive: true })
  await rm(pointer, { force: true })
  await symlink(relative(dirname(pointer), blob), pointer).catch(() => copyFile(blob, pointer))
}
