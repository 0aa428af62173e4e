import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { page } from './page.ts'
import { readRun, type Run } from './readRun.ts'

/**
 * Writes one HTML file about one run, or about several side by side: figures, sample completions with their pictures, settings.
 * It needs no script, no network and no other file.
 */
export const writeReport = (runs: ReadonlyArray<string>, out: string): TE.TaskEither<TrainError, void> =>
  attempt(async (take) => {
    const read: Array<Run> = []
    for (const path of runs) read.push(await take(readRun(path)))
    const empty = read.find(({ metrics, evaluations }) => metrics.length === 0 && evaluations.length === 0)
    if (empty !== undefined)
      await take(E.left(badInput(`${empty.path} has no finished step yet, so there is nothing to report.`)))
    const text = await page(read)
    try {
      await mkdir(dirname(out), { recursive: true })
      await writeFile(`${out}.partial`, text)
      await rename(`${out}.partial`, out)
    } catch (thrown) {
      const { code } = thrown as { readonly code?: string }
      if (code === undefined) throw thrown
      await take(E.left(runFailed(`Report ${out} could not be written (${code}); give another file with --out.`)))
    }
  })
