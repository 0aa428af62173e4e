import { rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type LineProcess, openLineProcess } from '../peers/lineProcess.ts'
import type { PeerPython } from '../peers/peerPython.ts'
import { backendNames } from '../options.ts'
import { spreadOf, type Spread } from '../stats.ts'
import { models, writeModel } from './besideTorchModels.ts'

const worker = fileURLToPath(new URL('./besideTorchWorker.js', import.meta.url))
const program = fileURLToPath(new URL('../../peers/torch_model.py', import.meta.url))
export const oneThread = Object.fromEntries(
  [
    'OMP_NUM_THREADS',
    'OPENBLAS_NUM_THREADS',
    'MKL_NUM_THREADS',
    'TF_NUM_INTRAOP_THREADS',
    'TF_NUM_INTEROP_THREADS',
  ].map((name) => [name, '1']),
)

export interface Measured {
  readonly by: string
  /** Clock on the wall, ms. */
  readonly wall: Spread
  /** Processor time of the whole process, ms: what other processes on the machine take is not in it. */
  readonly processor: Spread
  /** Ours over PyTorch's, of the smallest wall time and of the smallest processor time; below 1 we are faster. */
  readonly ratio?: { readonly wall: number; readonly processor: number }
}

export interface Comparison {
  readonly model: string
  readonly work: string
  /** Tokens a run gets through. */
  readonly tokens: number
  readonly rounds: number
  readonly measured: ReadonlyArray<Measured>
}

export interface BesideTorch {
  readonly descriptions: Readonly<Record<string, string>>
  /** Who could not take part, and why. */
  readonly leftOut: Readonly<Record<string, string>>
  /** Load averages (1, 5, 15 minutes) before and after: this machine may be shared. */
  readonly load: { readonly before: ReadonlyArray<number>; readonly after: ReadonlyArray<number> }
  readonly comparisons: ReadonlyArray<Comparison>
}

/** Losses of three steps from equal weights may differ by float32's rounding; a larger difference is another model. */
const LOSS_TOLERANCE = 1e-4

/**
 * Training step and sampling on our backends and in PyTorch, one thread each, in turns (ours, ours, PyTorch, ours, …), so that a machine
 * that slows down slows all. The losses of the first steps must agree first.
 *
 * @throws Error when two of them compute different losses
 */
export const besideTorch = async (python: PeerPython, rounds: number): Promise<BesideTorch> => {
  const before = loadavg()
  const leftOut: Record<string, string> = {}
  const takers = new Map<string, LineProcess>()
  const candidates = [
    ...backendNames.map((name) => [name, process.execPath, [worker, name]] as const),
    ...('python' in python ? [['torch', python.python, [program]] as const] : []),
  ]
  if ('reason' in python) leftOut['torch'] = python.reason
  for (const [name, command, args] of candidates) {
    const opened = await openLineProcess(command, args, oneThread)
    if ('reason' in opened) leftOut[name] = opened.reason
    else takers.set(name, opened)
  }
  const comparisons: Comparison[] = []
  try {
    for (const [index, model] of models.entries()) {
      const folder = writeModel(model)
      for (const taker of takers.values()) await taker.ask({ do: 'load', model: index, folder })
      rmSync(folder, { recursive: true })
      const sampling = (sequences: number) => ({
        work: `sampling, ${sequences} x 64 tokens`,
        tokens: sequences * 64,
        question: { do: 'sample', sequences, tokens: 64 },
      })
      const training = {
        work: `training step, ${model.sequences} x ${model.length} tokens, AdamW included`,
        tokens: model.sequences * model.length,
        question: { do: 'train' },
      }
      await sameLosses(takers)
      for (const { work, tokens, question } of [training, sampling(64), sampling(256)]) {
        process.stderr.write(`${model.name}: ${work} …\n`)
        comparisons.push({ model: model.name, work, tokens, rounds, measured: await inTurns(takers, question, rounds) })
      }
    }
  } finally {
    for (const taker of takers.values()) taker.close()
  }
  return {
    descriptions: Object.fromEntries([...takers].map(([name, { description }]) => [name, description])),
    leftOut,
    load: { before, after: loadavg() },
    comparisons,
  }
}

const sameLosses = async (takers: ReadonlyMap<string, LineProcess>): Promise<void> => {
  for (let step = 1; step <= 3; step++) {
    const losses = new Map<string, number>()
    for (const [name, taker] of takers) losses.set(name, Number((await taker.ask({ do: 'train' }))['value']))
    const values = [...losses.values()]
    if (!(Math.max(...values) - Math.min(...values) < LOSS_TOLERANCE))
      throw new Error(
        `step ${step} gave different losses (${[...losses].map(([name, loss]) => `${name} ${loss}`).join(', ')}): a time for different work means nothing`,
      )
  }
}

const inTurns = async (
  takers: ReadonlyMap<string, LineProcess>,
  question: object,
  rounds: number,
): Promise<ReadonlyArray<Measured>> => {
  const samples = new Map([...takers.keys()].map((name) => [name, { wall: [] as number[], processor: [] as number[] }]))
  for (let round = 0; round <= rounds; round++)
    for (const [name, taker] of takers) {
      const { ms, cpu } = await taker.ask(question)
      if (round === 0) continue // warm-up
      samples.get(name)!.wall.push(Number(ms))
      samples.get(name)!.processor.push(Number(cpu))
    }
  const spreads = [...samples].map(([by, { wall, processor }]) => ({
    by,
    wall: spreadOf(wall),
    processor: spreadOf(processor),
  }))
  const torch = spreads.find(({ by }) => by === 'torch')
  return spreads.map((one) =>
    torch === undefined || one === torch
      ? one
      : {
          ...one,
          ratio: {
            wall: one.wall.min / torch.wall.min,
            processor: one.processor.min / torch.processor.min,
          },
        },
  )
}
