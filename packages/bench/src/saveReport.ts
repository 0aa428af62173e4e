import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Writes results/DATE-NAME.json of this package and says so on stderr. */
export const saveReport = (name: string, report: { readonly date: string }): void => {
  const folder = join(import.meta.dirname, '..', 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${report.date.slice(0, 10)}-${name}.json`)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  process.stderr.write(`Saved ${relative(process.cwd(), file)}\n`)
}
