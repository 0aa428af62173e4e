import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'

/** Where a run happened, for its report. */
export interface Environment {
  readonly node: string
  readonly system: string
  readonly cpu: string
  readonly threads: number
  readonly memory_gib: number
  /** The backend in words: library, version, device. */
  readonly backend: string
}

export const environment = (backend: string): Environment => ({
  node: process.version,
  system: `${platform()} ${release()} ${arch()}`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  threads: availableParallelism(),
  memory_gib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
  backend,
})
