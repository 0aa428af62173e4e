import { join } from 'node:path'
import type { Command } from 'commander'
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import type { TrainError } from '../errors.ts'
import { writeReport } from '../report/writeReport.ts'
import { printing, runCommand } from './runCommand.ts'

/** Where a report goes when nothing is said: into the one run, or beside where the command is run for several. */
export const defaultReport = (runs: ReadonlyArray<string>): string =>
  runs.length === 1 ? join(runs[0]!, 'report.html') : 'report.html'

const report = (
  runs: ReadonlyArray<string>,
  out: string,
  summary: string | undefined,
): TE.TaskEither<TrainError, string> =>
  pipe(
    writeReport(runs, out, summary === undefined ? {} : { summary }),
    TE.map(() => [`Report: ${out}`, ...(summary === undefined ? [] : [`Summary: ${summary}`])].join('\n')),
  )

/** Adds `durian report`. */
export const registerReport = (program: Command): void => {
  program
    .command('report')
    .summary('one HTML file with figures, sample completions and the comparison of runs')
    .description(
      'Writes one self-contained HTML file about a run, or about several side by side (curves overlaid, paired intervals against the first).',
    )
    .argument('<run...>', 'run folders')
    .option('--out <file>', 'where to write; default report.html in the run, or here for several runs')
    .option('--summary <file>', 'also write the numbers (accuracies, intervals, machine) as JSON')
    .action((runs: ReadonlyArray<string>, { out, summary }: { readonly out?: string; readonly summary?: string }) =>
      runCommand(printing(report(runs, out ?? defaultReport(runs), summary))),
    )
}
