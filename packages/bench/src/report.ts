import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from './environment.ts'
import type { Result } from './harness.ts'

/** One run of the benchmarks: what `--json` prints and `--save` keeps. */
export interface Report {
  readonly schema: 1
  /** UTC, ISO 8601. */
  readonly date: string
  readonly environment: Environment
  /** What each backend says of itself, by name. */
  readonly backends: Readonly<Record<string, string>>
  /** Versions of the peers that took part, by peer. */
  readonly peers: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly results: ReadonlyArray<Result>
}

/** A device's name as part of a file name. */
export const slug = (words: string): string =>
  words
    .toLowerCase()
    .replace(/\((r|tm)\)/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')

/** `<date>-<device>.json`, the device being the processor and, where one was used, the accelerator. */
export const reportName = ({
  date,
  environment,
  backends,
}: Pick<Report, 'date' | 'environment' | 'backends'>): string => {
  const accelerated = Object.values(backends).some((description) => /cuda|gpu/i.test(description)) ? '-gpu' : ''
  return `${date.slice(0, 10)}-${slug(environment.cpu)}${accelerated}.json`
}

/** Write a report into a folder and say where. */
export const saveReport = (report: Report, folder: string): string => {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, reportName(report))
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  return file
}
