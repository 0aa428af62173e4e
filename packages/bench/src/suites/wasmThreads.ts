import { spawn } from 'node:child_process'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type LineProcess, openLineProcess } from '../peers/lineProcess.ts'
import { spreadOf, type Spread } from '../stats.ts'
import { models } from './besideTorchModels.ts'

const worker = fileURLToPath(new URL('./besideTorchWorker.js', import.meta.url))

/** What else the machine does meanwhile: nothing of ours, or one process that never waits. */
export const neighbours = ['none', 'one process that never waits'] as const
export type Neighbour = (typeof neighbours)[number]

export interface ThreadsTiming {
  readonly threads: number
  /** Clock on the wall, ms. */
  readonly wall: Spread
  /** Processor time of all threads, ms. */
  readonly processor: Spread
  /** Wall time over one thread's: of the smallest and of the medians. Below 1 the threads are worth it. */
  readonly ratio: { readonly min: number; readonly median: number }
}

export interface ThreadsComparison {
  readonly neighbour: Neighbour
  readonly model: string
  readonly work: string
  readonly rounds: number
  readonly measured: ReadonlyArray<ThreadsTiming>
}

export interface WasmThreads {
  readonly descriptions: ReadonlyArray<string>
  readonly load: { readonly before: ReadonlyArray<number>; readonly after: ReadonlyArray<number> }
  readonly comparisons: ReadonlyArray<ThreadsComparison>
}

export interface WasmThreadsOptions {
  /** The first is what the others are compared with. */
  readonly counts: ReadonlyArray<number>
  readonly rounds: number
}

/**
 * A training step and sampling on WASM with each number of threads, in turns, first beside nothing of ours and then beside a busy process.
 *
 * @throws Error when two numbers of threads compute different losses: they must be the same bits
 */
export const wasmThreads = async ({ counts, rounds }: WasmThreadsOptions): Promise<WasmThreads> => {
  const before = loadavg()
  const takers: LineProcess[] = []
  const comparisons: ThreadsComparison[] = []
  try {
    for (const count of counts) {
      const opened = await openLineProcess(process.execPath, [worker, 'wasm', `${count}`])
      if ('reason' in opened) throw new Error(`${count} threads: ${opened.reason}`)
      takers.push(opened)
    }
    for (const [index, model] of models.entries()) {
      for (const taker of takers) await taker.ask({ do: 'load', model: index })
      const works = [
        {
          work: `training step, ${model.sequences} x ${model.length} tokens, AdamW included`,
          question: { do: 'train' },
        },
        { work: 'sampling, 256 x 64 tokens', question: { do: 'sample', sequences: 256, tokens: 64 } },
      ]
      for (const neighbour of neighbours)
        for (const { work, question } of works) {
          process.stderr.write(`${model.name}: ${work}; beside ${neighbour} …\n`)
          const measured = await beside(neighbour, () => inTurns(takers, question, rounds))
          comparisons.push({
            ...{ neighbour, model: model.name, work, rounds },
            measured: measured.map(({ wall, processor }, i) => ({
              threads: counts[i]!,
              wall,
              processor,
              ratio: { min: wall.min / measured[0]!.wall.min, median: wall.median / measured[0]!.wall.median },
            })),
          })
        }
    }
  } finally {
    for (const taker of takers) taker.close()
  }
  return { descriptions: takers.map(({ description }) => description), load: { before, after: loadavg() }, comparisons }
}

const beside = async <A>(neighbour: Neighbour, work: () => Promise<A>): Promise<A> => {
  if (neighbour === 'none') return work()
  const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  try {
    return await work()
  } finally {
    busy.kill('SIGKILL')
  }
}

const inTurns = async (takers: ReadonlyArray<LineProcess>, question: object, rounds: number) => {
  const samples = takers.map(() => ({ wall: [] as number[], processor: [] as number[] }))
  for (let round = 0; round <= rounds; round++) {
    const values: unknown[] = []
    for (const [i, taker] of takers.entries()) {
      const { ms, cpu, value } = await taker.ask(question)
      values.push(value)
      if (round === 0) continue // warm-up
      samples[i]!.wall.push(Number(ms))
      samples[i]!.processor.push(Number(cpu))
    }
    if (new Set(values).size > 1) throw new Error(`round ${round} gave different values: ${values.join(', ')}`)
  }
  return samples.map(({ wall, processor }) => ({ wall: spreadOf(wall), processor: spreadOf(processor) }))
}
