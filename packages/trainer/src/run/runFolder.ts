import { createHash } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { configText } from '../config/readConfig.ts'
import type { TrainConfig } from '../config/trainConfig.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import { openAppendLog, type AppendLog } from './appendLog.ts'
import { environment } from './environment.ts'
import { jsonLine } from './jsonl.ts'
import type { CompletionRecord, Evaluation, Metrics } from './records.ts'
import { scalarsRecord, versionRecord } from './tensorboard.ts'

/** Byte lengths of the logs by file name, at the moment of a checkpoint. */
export type Offsets = Readonly<Record<string, number>>

/** The logs that every run folder has; beside them one `events.out.tfevents.*`. */
const jsonLogs = ['metrics.jsonl', 'completions.jsonl', 'evaluation.jsonl'] as const
const isEvents = (name: string): boolean => name.startsWith('events.out.tfevents.')

/** A run's folder, open for writing. */
export interface RunFolder {
  readonly path: string
  /** One line of metrics.jsonl and one event of TensorBoard. */
  readonly logMetrics: (metrics: Metrics) => TE.TaskEither<TrainError, void>
  readonly logCompletions: (records: ReadonlyArray<CompletionRecord>) => TE.TaskEither<TrainError, void>
  readonly logEvaluation: (evaluation: Evaluation) => TE.TaskEither<TrainError, void>
  /** Stores an encoded picture under images/ once, named by its content; gives the path relative to the folder. */
  readonly saveImage: (encoded: Uint8Array) => TE.TaskEither<TrainError, string>
  /** How long the logs are, after everything in them has reached the disk. Store it in a checkpoint. */
  readonly offsets: () => TE.TaskEither<TrainError, Offsets>
  readonly close: () => TE.TaskEither<TrainError, void>
}

export interface RunFolderOptions {
  readonly path: string
  readonly config: TrainConfig
  /** The backend in words, for environment.json. */
  readonly backend: string
  /** Offsets of the checkpoint to go on from; null = begin at the beginning. */
  readonly resumeAt: Offsets | null
  /** What to do with a folder that already has logs when `resumeAt` is null. */
  readonly whenUsed: 'refuse' | 'restart'
}

/**
 * Opens or creates a run folder. Its logs are cut back to `resumeAt`, so that no step appears twice; without it they begin empty.
 *
 * Left BadInput: the folder holds another run and may not be restarted, or its logs are shorter than the checkpoint says.
 */
export const openRunFolder = (options: RunFolderOptions): TE.TaskEither<TrainError, RunFolder> =>
  guarded(options.path, async () => {
    const { path, config, backend, resumeAt, whenUsed } = options
    await mkdir(path, { recursive: true })
    if (resumeAt === null && whenUsed === 'refuse' && (await holdsRun(path))) {
      return E.left(
        badInput(`output_dir ${path} already holds a run; give another output_dir, or continue it with resume=auto.`),
      )
    }
    await removeOtherEvents(path, resumeAt)
    const eventsName =
      Object.keys(resumeAt ?? {}).find(isEvents) ??
      `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}.${process.pid}`
    const opened: Record<string, AppendLog> = {}
    for (const name of [...jsonLogs, eventsName]) {
      try {
        opened[name] = await openAppendLog(join(path, name), resumeAt?.[name] ?? 0)
      } catch (thrown) {
        await Promise.all(Object.values(opened).map((log) => log.close()))
        if (!(thrown instanceof RangeError)) throw thrown
        return E.left(
          badInput(`${thrown.message}; bring the file back, or start over with resume=false and another output_dir.`),
        )
      }
    }
    const events = opened[eventsName]!
    if ((resumeAt?.[eventsName] ?? 0) === 0) await events.append(versionRecord(Date.now() / 1000))
    await writeFile(join(path, 'config.yaml'), configText(config))
    await writeFile(join(path, 'environment.json'), `${JSON.stringify(environment(backend), null, 2)}\n`)
    return E.right(runFolderOver(path, opened, eventsName))
  })

const runFolderOver = (path: string, logs: Readonly<Record<string, AppendLog>>, eventsName: string): RunFolder => {
  const lines = (name: (typeof jsonLogs)[number], records: ReadonlyArray<object>): TE.TaskEither<TrainError, void> =>
    guarded(join(path, name), async () =>
      E.right(await logs[name]!.append(Buffer.from(records.map(jsonLine).join('')))),
    )
  const saved = new Set<string>()
  return {
    path,
    logMetrics: (metrics) =>
      guarded(join(path, 'metrics.jsonl'), async () => {
        const { step, ...scalars } = metrics
        await logs['metrics.jsonl']!.append(Buffer.from(jsonLine({ step, ...scalars })))
        return E.right(await logs[eventsName]!.append(scalarsRecord(scalars, step, Date.now() / 1000)))
      }),
    logCompletions: (records) => lines('completions.jsonl', records),
    logEvaluation: (evaluation) => lines('evaluation.jsonl', [evaluation]),
    saveImage: (encoded) =>
      guarded(join(path, 'images'), async () => {
        const name = imageName(encoded)
        if (!saved.has(name)) {
          await mkdir(join(path, 'images'), { recursive: true })
          await writeOnce(join(path, name), encoded)
          saved.add(name)
        }
        return E.right(name)
      }),
    offsets: () =>
      guarded(path, async () => {
        const lengths: Record<string, number> = {}
        for (const [name, log] of Object.entries(logs)) lengths[name] = await log.durableLength()
        return E.right(lengths)
      }),
    close: () =>
      guarded(path, async () => {
        await Promise.all(Object.values(logs).map((log) => log.close()))
        return E.right(undefined)
      }),
  }
}

/** `images/` and the first 16 hexadecimal digits of the content's SHA-256. */
export const imageName = (encoded: Uint8Array): string => {
  const digest = createHash('sha256').update(encoded).digest('hex').slice(0, 16)
  return `images/${digest}.${imageExtension(encoded)}`
}

const imageExtension = (encoded: Uint8Array): string => {
  const starts = (...bytes: ReadonlyArray<number>): boolean => bytes.every((byte, i) => encoded[i] === byte)
  if (starts(0xff, 0xd8)) return 'jpg'
  return starts(0x52, 0x49, 0x46, 0x46) ? 'webp' : 'png'
}

/** Complete or absent, never half: a run killed here leaves no broken picture under a name that says it is whole. */
const writeOnce = async (file: string, bytes: Uint8Array): Promise<void> => {
  const exists = await stat(file).then(
    () => true,
    () => false,
  )
  if (exists) return
  const partial = `${file}.partial`
  await writeFile(partial, bytes)
  await rename(partial, file)
}

const holdsRun = async (path: string): Promise<boolean> => {
  const sizes = await Promise.all(
    jsonLogs.map((name) =>
      stat(join(path, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.some((size) => size > 0)
}

/** Events files that the checkpoint does not know: of another run, or of steps that are about to be repeated. */
const removeOtherEvents = async (path: string, resumeAt: Offsets | null): Promise<void> => {
  for (const name of await readdir(path)) {
    if (isEvents(name) && resumeAt?.[name] === undefined) await rm(join(path, name))
  }
}

const guarded =
  <A>(what: string, body: () => Promise<E.Either<TrainError, A>>): TE.TaskEither<TrainError, A> =>
  async () => {
    try {
      return await body()
    } catch (thrown) {
      const { code } = thrown as { readonly code?: string }
      if (code === undefined) throw thrown
      return E.left(runFailed(`${what} could not be written (${code}); check space and permissions.`))
    }
  }
