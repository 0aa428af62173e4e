import { either as E, type taskEither as TE } from 'fp-ts'
import { sentence, type TrainError } from '../errors.ts'
import { stopProgress } from './progress.ts'

/** 2 for bad input, 1 for a failed run or device, 130 after Ctrl-C. */
export const exitCodeOf = (error: TrainError): number => {
  switch (error._tag) {
    case 'BadInput':
      return 2
    case 'Interrupted':
      return 130
    case 'RunFailed':
    case 'Unavailable':
    case 'OutOfMemory':
    case 'DeviceFailed':
      return 1
  }
}

/** The end of every command: runs the effect; a Left becomes one sentence on stderr and the exit code that goes with it. */
export const runCommand = async <A>(effect: TE.TaskEither<TrainError, A>): Promise<void> => {
  const result = await effect().finally(stopProgress)
  if (E.isRight(result)) return
  process.stderr.write(`${sentence(result.left)}\n`)
  process.exitCode = exitCodeOf(result.left)
}

/** An effect's text on stdout, with a newline at its end. */
export const printing =
  (effect: TE.TaskEither<TrainError, string>): TE.TaskEither<TrainError, void> =>
  async () => {
    const result = await effect()
    if (E.isLeft(result)) return result
    process.stdout.write(result.right.endsWith('\n') ? result.right : `${result.right}\n`)
    return E.right(undefined)
  }
