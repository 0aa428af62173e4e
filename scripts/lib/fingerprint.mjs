import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './process.mjs'

/** Folders under packages/ that hold a package.json, in alphabetical order. */
export const packageFolders = () =>
  readdirSync(join(root, 'packages'))
    .sort()
    .map((name) => join(root, 'packages', name))
    .filter((folder) => existsSync(join(folder, 'package.json')))

const filesUnder = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort()
    : []

/** What the installed packages depend on: manifests, lockfile, and the machine's kind (native parts differ). */
export const dependencyFingerprint = () => {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  const manifests = packageFolders().map((folder) => join(folder, 'package.json'))
  for (const file of [
    join(root, 'pnpm-lock.yaml'),
    join(root, 'pnpm-workspace.yaml'),
    join(root, 'package.json'),
    ...manifests,
  ])
    hash.update(relative(root, file)).update(readFileSync(file))
  return hash.digest('hex')
}

/** What the build depends on, by name, size and time of change: a stat per file, 10 ms, so every command can afford it. */
export const sourceFingerprint = () => {
  const hash = createHash('sha256')
  const sources = packageFolders().flatMap((folder) => [
    ...filesUnder(join(folder, 'src')),
    join(folder, 'tsconfig.json'),
  ])
  for (const file of [join(root, 'tsconfig.base.json'), ...sources]) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${relative(root, file)} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/** Every package that can be built has been. */
export const isBuilt = () => packageFolders().every((folder) => existsSync(join(folder, 'dist', '.tsbuildinfo')))
