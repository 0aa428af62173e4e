import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNodeBackend } from '@durian/backend-node'
import { either as E } from 'fp-ts'
import { afterAll, describe, expect, it } from 'vitest'
import { UsageError } from '../options.ts'
import { limitOf } from './all.ts'
import { deadlineIn, inTurns } from './deadline.ts'
import { gpuModel } from './models.ts'
import { parseGpuOptions } from './options.ts'
import { resultFile } from './report.ts'
import { subjectOf, weightsOf } from './subject.ts'
import { difference } from './torch.ts'

const folder = mkdtempSync(join(tmpdir(), 'durian-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))
const demoFolder = fileURLToPath(new URL('../../../../models/demo', import.meta.url))

describe('the command line of the archive', () => {
  it('knows its commands and refuses the rest in a sentence that names the flag', () => {
    expect(parseGpuOptions([])).toBe('help')
    expect(
      parseGpuOptions(['step', '--model', '1b', '--no-torch', '--no-checkpointing', '--limit', '60']),
    ).toMatchObject({
      command: 'step',
      model: '1b',
      python: null,
      checkpointing: false,
      limit: 60,
    })
    expect(parseGpuOptions(['laws'])).toMatchObject({ precision: 'float32', checkpointing: null, python: 'python3' })
    for (const [args, named] of [
      [['step', '--precision', 'bf16'], '--precision bf16'],
      [['steps'], 'steps'],
      [['step', '--model', '7b'], '--model 7b'],
      [['laws', '--limit', '0'], '--limit 0'],
      [['laws', 'kernels'], 'kernels'],
      [['step', '--checkpointing', '--no-checkpointing'], '--no-checkpointing'],
    ] as const) {
      expect(() => parseGpuOptions(args)).toThrow(UsageError)
      expect(() => parseGpuOptions(args)).toThrow(named)
    }
  })
})

describe('the time a command may take', () => {
  /** Time passes by the milliseconds that each piece of work takes. */
  const clock = () => {
    let now = 0
    return { now: () => now, work: (ms: number) => () => Promise.resolve((now += ms) && ms) }
  }

  it('ends before a round that would not end in time; the first round is not counted', async () => {
    const { now, work } = clock()
    const samples = await inTurns([work(100), work(200)], { rounds: 50, deadline: deadlineIn(2, now) })
    expect(samples).toEqual([Array(5).fill(100), Array(5).fill(200)])
    expect(now()).toBe(1800)
  })

  it('measures what was asked for where there is time, and once where there is none', async () => {
    const { now, work } = clock()
    expect(await inTurns([work(1)], { rounds: 3, deadline: deadlineIn(60, now) })).toEqual([[1, 1, 1]])
    expect(await inTurns([work(5000)], { rounds: 3, deadline: deadlineIn(1, now) })).toEqual([[5000]])
  })

  it('is dealt out to the parts, together never more than there is', () => {
    let left = 540
    for (let part = 0; part < 8; part++) {
      const limit = limitOf(part, left)
      expect(limit).toBeGreaterThanOrEqual(20)
      left -= limit + 10 // a part that takes all it may, and is ended from outside
    }
    expect(left).toBeGreaterThanOrEqual(0)
    expect(left).toBeLessThan(1)
  })
})

describe('a result file', () => {
  it('is whole at any time and says how its command ended', () => {
    const path = join(folder, 'deep', 'one.json')
    const read = () => JSON.parse(readFileSync(path, 'utf8')) as unknown
    const result = resultFile(path, { command: 'laws' })
    expect(read()).toEqual({ schema: 1, command: 'laws', ending: { status: 'running' } })
    result.push('results', { a: 1 })
    result.push('results', { a: 2 })
    result.set('device', 'x')
    expect(read()).toMatchObject({ results: [{ a: 1 }, { a: 2 }], device: 'x', ending: { status: 'running' } })
    result.end({ status: 'stopped', reason: 'late' })
    expect(read()).toMatchObject({ device: 'x', ending: { status: 'stopped', reason: 'late' } })
  })
})

describe('a step of a model', () => {
  it('trains: the next step finds other numbers, and a subject for sampling draws as many tokens as asked', async () => {
    const found = await gpuModel('demo', { demoFolder, tiny: true })()
    if (E.isLeft(found)) throw new Error('no model')
    const weight = await weightsOf(found.right, demoFolder)()
    if (E.isLeft(weight)) throw new Error('no weights')
    const opened = await openNodeBackend({ prefer: 'wasm', threads: 1 })()
    if (E.isLeft(opened)) throw new Error(opened.left.reason)
    const subject = await subjectOf(opened.right.backend, found.right, { weight: weight.right, training: true })()
    if (E.isLeft(subject)) throw new Error('no subject')
    const first = await subject.right.step()
    // PyTorch 2.8 on the folder that torchFolder.ts writes: 8.1483479, 2.8181391, 19.343700
    expect(first.nll).toBeCloseTo(8.14835, 4)
    expect(first.entropy).toBeCloseTo(2.81814, 4)
    expect(first.gradNorm).toBeCloseTo(19.3437, 3)
    expect((await subject.right.step()).nll).not.toBeCloseTo(first.nll, 3)
    expect(await subject.right.sample(1, 3)).toBe(6)
  })
})

describe('a peer', () => {
  const ours = { nll: 8, entropy: 1e-6, gradNorm: 20 }

  it('is the same policy up to rounding', () => {
    expect(difference(ours, { nll: 8.0001, entropy: 2e-6, gradNorm: 20.01 })).toBeUndefined()
    expect(difference(ours, { ...ours, nll: 8.01 })).toBe('nll is 8 here and 8.01 there')
    expect(difference(ours, { ...ours, gradNorm: 21 })).toContain('gradNorm')
    expect(difference({ ...ours, nll: NaN }, ours)).toContain('nll')
  })
})
