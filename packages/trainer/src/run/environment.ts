import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'

/** Where a run happened, for its report. */
export interface Environment {
  readonly node: string
  readonly system: string
  readonly cpu: string
  readonly threads: number
  readonly memory_gib: number
  /** The commit of this checkout, with `-dirty` when files were changed; null outside one (an installed package). */
  readonly commit: string | null
  /** The backend in words: library, version, device. */
  readonly backend: string
}

const commit = (): string | null => {
  const here = fileURLToPath(new URL('../..', import.meta.url))
  const git = (...args: ReadonlyArray<string>): string =>
    execFileSync('git', ['-C', here, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    // Inside somebody else's repository (node_modules) the prefix is another: its commit says nothing about this code.
    return git('rev-parse', '--show-prefix') === 'packages/trainer/'
      ? git('describe', '--always', '--dirty', '--abbrev=12', '--exclude=*')
      : null
  } catch {
    return null
  }
}

export const environment = (backend: string): Environment => ({
  node: process.version,
  system: `${platform()} ${release()} ${arch()}`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  threads: availableParallelism(),
  memory_gib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
  commit: commit(),
  backend,
})
