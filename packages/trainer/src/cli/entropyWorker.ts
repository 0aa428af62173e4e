import { either as E } from 'fp-ts'
import { loadVision, withVision, type LookError, type PictureEntropy, type VisionOptions } from './visionEntropy.ts'
import type { TrainError } from '../errors.ts'

/** What a worker is asked. */
export interface WorkerTask {
  readonly index: number
  readonly pictures: ReadonlyArray<Uint8Array>
}

/** What a worker says: the engine it opened, an answer, or why it could not start. */
export type WorkerReport =
  | { readonly _tag: 'Ready'; readonly engine: string }
  | { readonly _tag: 'Answer'; readonly index: number; readonly result: E.Either<LookError, PictureEntropy> }
  | { readonly _tag: 'Stopped'; readonly error: TrainError }

/** Nobody listens any more when the parent has all it wants, or has failed. */
const report = (message: WorkerReport): void => {
  if (process.connected) process.send!(message, () => undefined)
}

/** Looks at pictures until its parent hangs up; one row after another, as tfjs has one thread and one engine a process. */
const work = (options: VisionOptions) => async (): Promise<E.Either<TrainError, void>> => {
  const files = await loadVision(options.model)()
  if (E.isLeft(files)) return files
  return withVision(options, files.right, (look, engine) => async () => {
    let last = Promise.resolve()
    process.on('message', ({ index, pictures }: WorkerTask) => {
      last = last.then(async () => report({ _tag: 'Answer', index, result: await look(pictures)() }))
    })
    const ended = new Promise<void>((resolve) => {
      if (process.connected) process.once('disconnect', () => resolve())
      else resolve()
    })
    report({ _tag: 'Ready', engine })
    await ended
    return E.right(undefined)
  })()
}

const result = await work(JSON.parse(process.argv[2]!) as VisionOptions)()
if (E.isLeft(result)) report({ _tag: 'Stopped', error: result.left })
if (process.connected) process.disconnect()
