import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { page } from './page.ts'
import { readRun, type Run } from './readRun.ts'
import { reportSummary } from './summary.ts'

/** Complete or absent, never half. */
const writeWhole =
  (file: string, text: string): TE.TaskEither<TrainError, void> =>
  async () => {
    try {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(`${file}.partial`, text)
      return E.right(await rename(`${file}.partial`, file))
    } catch (thrown) {
      const { code } = thrown as { readonly code?: string }
      if (code === undefined) throw thrown
      return E.left(runFailed(`${file} could not be written (${code}); give another file.`))
    }
  }

export interface ReportFiles {
  /** Where the numbers go as JSON; left out = nowhere. */
  readonly summary?: string
}

/**
 * Writes one HTML file about one run, or about several side by side: figures, sample completions with their pictures, settings.
 * It needs no script, no network and no other file.
 */
export const writeReport = (
  runs: ReadonlyArray<string>,
  out: string,
  { summary }: ReportFiles = {},
): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const read: Array<Run> = []
    for (const path of runs) read.push(await take(readRun(path)))
    const empty = read.find(({ metrics, evaluations }) => metrics.length === 0 && evaluations.length === 0)
    if (empty !== undefined)
      await take(E.left(badInput(`${empty.path} has no finished step yet, so there is nothing to report.`)))
    await take(writeWhole(out, await page(read)))
    if (summary !== undefined) await take(writeWhole(summary, `${JSON.stringify(reportSummary(read), null, 2)}\n`))
  })
