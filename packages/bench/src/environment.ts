import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

/** Where and with what a timing was taken: without it a number means nothing. */
export interface Environment {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  /** Processes that wanted a core, on average over the last minute of the run, ours among them. 0 where it is not known. */
  readonly load: number
  readonly os: string
  readonly node: string
  readonly v8: string
  /** Commit of the sources; `+` behind it: with changes of its own. */
  readonly commit: string | null
}

const git = (...args: ReadonlyArray<string>): string | null => {
  try {
    return execFileSync('git', [...args], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim()
  } catch {
    return null
  }
}

const commit = (): string | null => {
  const head = git('rev-parse', 'HEAD')
  if (head === null) return null
  return git('status', '--porcelain', '--untracked-files=no') === '' ? head : `${head}+`
}

/** This machine, now. Versions of tensor libraries stand in the backends' own descriptions. */
export const environment = (): Environment => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  load: Math.round(loadavg()[0]! * 10) / 10,
  os: `${process.platform} ${release()} ${process.arch}`,
  node: process.versions.node,
  v8: process.versions.v8,
  commit: commit(),
})
