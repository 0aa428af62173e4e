import { type OpenedWebGpu } from '@durian/backend-webgpu'
import { type Backend, type DrawOptions, drawToken, normals, type Transfer, uniforms } from '@durian/core'
import { either as E } from 'fp-ts'
import type { Case, Subject } from '../harness.ts'
import { models, type TextModel } from './besideTorchModels.ts'
import { textSubject } from './textSubject.ts'

/** What one more token of every rollout costs. */
export interface TokenCost {
  readonly work: string
  readonly by: string
  readonly dispatches: number
  readonly bytesRead: number
}

/** Rollouts that are decoded together, and the words they choose from. */
export interface DrawingSizes {
  readonly rollouts: ReadonlyArray<number>
  readonly words: ReadonlyArray<number>
}

/** tokens that the difference between two samplings is taken over */
const [SHORT, LONG] = [2, 6]

/** A backend that counts what is read from it, and its twin whose host draws. */
const contestants = <T>(backend: Backend<T>) => {
  let bytes = 0
  const read: Transfer<T>['read'] = (x) => {
    bytes += 4 * backend.ops.shape(x).reduce((size, n) => size * n, 1)
    return backend.transfer.read(x)
  }
  const counting: Backend<T> = { ...backend, transfer: { ...backend.transfer, read } }
  const { drawTokens: _, ...others } = backend.ops.fused!
  return {
    subjects: [
      { by: 'device', backend: counting },
      { by: 'host', backend: { ...counting, ops: { ...counting.ops, fused: others } } },
    ],
    bytesRead: () => bytes,
  }
}

/** The demo's decoder with another vocabulary. */
const withWords = (vocabSize: number): TextModel => {
  const demo = models[1]!
  return {
    ...demo,
    name: `demo's decoder, vocabulary ${vocabSize}`,
    text: { ...demo.text, vocabSize },
    sequences: 8,
    length: 2,
  }
}

const ways: ReadonlyArray<{ readonly name: string; readonly options: DrawOptions }> = [
  { name: 'draw from all words', options: { temperature: 1, topP: 1, topK: 0, banned: new Set([1, 2, 3]) } },
  {
    name: 'draw, top-k 50 and top-p 0.9',
    options: { temperature: 1, topP: 0.9, topK: 50, banned: new Set([1, 2, 3]) },
  },
]

/**
 * Drawing on the device beside drawing on the host, in turns: the draw alone, logits on the device to tokens on the host, and whole tokens
 * of the demo's decoder. Counted before anything is timed: programs and bytes read back for one more token of all rollouts.
 */
export const drawingCases = async (
  { backend, kernels }: Pick<OpenedWebGpu, 'backend' | 'kernels'>,
  { rollouts, words }: DrawingSizes,
): Promise<{ readonly cases: ReadonlyArray<Case>; readonly costs: ReadonlyArray<TokenCost> }> => {
  const { subjects, bytesRead } = contestants(backend)
  const cases: Case[] = []
  const costs: TokenCost[] = []
  for (const vocabulary of words)
    for (const rows of rollouts) {
      const size = `${rows} x ${vocabulary} logits`
      for (const way of ways) cases.push(drawAlone(subjects, { ...way, size, rows, vocabulary }))
      const models = subjects.map(({ by, backend: one }) => ({ by, model: textSubject(one, withWords(vocabulary)) }))
      for (const { by, model } of models) {
        const cost = async (tokens: number) => {
          const before = { dispatches: kernels.dispatches(), bytes: bytesRead() }
          await model.sample(rows, tokens)
          return { dispatches: kernels.dispatches() - before.dispatches, bytes: bytesRead() - before.bytes }
        }
        const [short, long] = [await cost(SHORT), await cost(LONG)]
        const each = (a: number, b: number): number => (b - a) / (LONG - SHORT)
        costs.push({
          work: `one token of ${rows} rollouts, ${vocabulary} words`,
          by,
          dispatches: each(short.dispatches, long.dispatches),
          bytesRead: each(short.bytes, long.bytes),
        })
      }
      cases.push({
        suite: 'sampling',
        name: `${LONG} tokens of the demo's decoder`,
        size,
        work: { count: () => rows * LONG, unit: 'tokens' },
        subjects: pair(
          models.map(({ by, model }): Subject => ({ by, once: async () => void (await model.sample(rows, LONG)) })),
        ),
        close: () => models.forEach(({ model }) => model.close()),
      })
    }
  return { cases, costs }
}

/** Logits that lie on the device -> tokens on the host. */
const drawAlone = <T>(
  subjects: ReadonlyArray<{ readonly by: string; readonly backend: Backend<T> }>,
  {
    name,
    options,
    size,
    rows,
    vocabulary,
  }: {
    readonly name: string
    readonly options: DrawOptions
    readonly size: string
    readonly rows: number
    readonly vocabulary: number
  },
): Case => {
  const { ops, memory } = subjects[0]!.backend
  // far from flat, as a policy's are
  const data = Float32Array.from(normals({ seed: 5 }, rows * vocabulary), (x) => 3 * x)
  const logits = ops.fromHost({ shape: [rows, vocabulary], data })
  const us = uniforms({ seed: 6 }, rows)
  const draw = drawToken(options)
  const once = async (backend: Backend<T>): Promise<void> => {
    const onDevice = backend.ops.fused?.drawTokens
    // new logits each time, as in sampling: what was read of a tensor once is kept with it
    const wanted = memory.scope(() => {
      const fresh = ops.clip(logits, -1e9, 1e9)
      return onDevice === undefined ? fresh : onDevice(fresh, us, options)
    })
    const read = await backend.transfer.read(wanted)()
    memory.free(wanted)
    if (E.isLeft(read)) throw new Error(read.left.reason)
    if (onDevice !== undefined) return
    for (let row = 0; row < rows; row++) draw(read.right.subarray(row * vocabulary, (row + 1) * vocabulary), us[row]!)
  }
  return {
    suite: 'drawing',
    name,
    size,
    work: { count: () => rows, unit: 'tokens' },
    subjects: pair(subjects.map(({ by, backend }): Subject => ({ by, once: () => once(backend) }))),
    close: () => memory.free(logits),
  }
}

const pair = (subjects: ReadonlyArray<Subject>): readonly [Subject, ...Subject[]] => {
  const [first, ...others] = subjects
  if (first === undefined) throw new RangeError('a case needs a subject')
  return [first, ...others]
}
