import { MultiBar, Presets } from 'cli-progress'
import { duration } from '../run/duration.ts'

/** Where long work stands. */
export interface Progress {
  /** Units done so far, and a few words about the last one. */
  readonly update: (done: number, detail?: string) => void
  /** A line that stays. */
  readonly line: (text: string) => void
  /** Removes the bar. */
  readonly stop: () => void
}

export interface ProgressOptions {
  /** What is counted, in the plural: 'steps'. */
  readonly label: string
  readonly total: number
  /** Units done before, by a run that is resumed; they do not count for the time left. */
  readonly done?: number
  readonly stream?: NodeJS.WriteStream
  /** Milliseconds between lines where there is no terminal; default 10 s. */
  readonly everyMs?: number
  /** Milliseconds since any fixed moment. */
  readonly clock?: () => number
}

/** Whoever starts to count only when the first unit is done has not timed that unit. */
const TOO_FAST_MS = 50

/** Words for the time left from the mean pace so far; none before there is a pace. */
const timeLeft = (total: number, before: number, clock: () => number): ((done: number) => string) => {
  let from = { ms: clock(), done: before }
  let first = true
  return (done) => {
    const now = clock()
    if (first && now - from.ms < TOO_FAST_MS) from = { ms: now, done }
    first = false
    const pace = (now - from.ms) / 1000 / (done - from.done)
    return done <= from.done ? '' : `${duration(pace * (total - done))} left`
  }
}

/** A bar with the time left on a terminal; elsewhere (a file, a pipe) a plain line now and then, without cursor codes. On stderr. */
export const startProgress = (options: ProgressOptions): Progress => {
  const {
    label,
    total,
    done: before = 0,
    stream = process.stderr,
    everyMs = 10_000,
    clock = performance.now.bind(performance),
  } = options
  const left = timeLeft(total, before, clock)
  const status = (done: number, detail: string): string => [left(done), detail].filter((part) => part !== '').join(', ')
  return stream.isTTY
    ? bar({ label, total, before, stream, status })
    : lines({ label, total, stream, everyMs, clock, status })
}

interface BarOptions {
  readonly label: string
  readonly total: number
  readonly before: number
  readonly stream: NodeJS.WriteStream
  readonly status: (done: number, detail: string) => string
}

/** Bars on the screen. Each has a timer that keeps the process alive until it is stopped. */
const onScreen = new Set<Progress>()

/** Stops what a command that failed or was interrupted left on the screen; without it the process would never end. */
export const stopProgress = (): void => {
  for (const progress of onScreen) progress.stop()
}

const bar = ({ label, total, before, stream, status }: BarOptions): Progress => {
  const all = new MultiBar(
    {
      stream,
      format: `{bar} {value}/{total} ${label}  {status}`,
      barsize: 24,
      hideCursor: false,
      clearOnComplete: true,
      emptyOnZero: true,
    },
    Presets.shades_grey,
  )
  const one = all.create(total, before, { status: '' })
  let last = ''
  const progress: Progress = {
    update: (done, detail = last) => {
      last = detail
      one.update(done, { status: status(done, detail) })
    },
    line: (text) => all.log(`${text}\n`),
    stop: () => {
      onScreen.delete(progress)
      all.stop()
    },
  }
  onScreen.add(progress)
  return progress
}

interface LineOptions extends Omit<BarOptions, 'before'> {
  readonly everyMs: number
  readonly clock: () => number
}

const lines = ({ label, total, stream, everyMs, clock, status }: LineOptions): Progress => {
  let printed = clock()
  let last = ''
  return {
    update: (done, detail = last) => {
      last = detail
      if (done < total && clock() - printed < everyMs) return
      printed = clock()
      const tail = status(done, detail)
      stream.write(`${done}/${total} ${label}${tail === '' ? '' : `, ${tail}`}\n`)
    },
    line: (text) => {
      stream.write(`${text}\n`)
    },
    stop: () => undefined,
  }
}
