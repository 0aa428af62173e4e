import { mkdtemp, readFile, readdir, rm, writeFile, appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TrainConfig } from '../config/trainConfig.ts'
import { sentence } from '../errors.ts'
import { readJsonl } from './jsonl.ts'
import type { CompletionRecord, Evaluation } from './records.ts'
import { openRunFolder, type Offsets, type RunFolder, type RunFolderOptions } from './runFolder.ts'

const config = ((): TrainConfig => {
  const decoded = TrainConfig.decode({ model_name_or_path: 'm', dataset: 'd', output_dir: 'o' })
  if (E.isLeft(decoded)) throw new Error('the defaults do not decode')
  return decoded.right
})()

let root = ''
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'durian-run-'))))
afterAll(() => rm(root, { recursive: true }))
const folder = (): Promise<string> => mkdtemp(join(root, 'r-'))

const must = async <A>(effect: () => Promise<E.Either<Parameters<typeof sentence>[0], A>>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(sentence(result.left))
  return result.right
}
const open = (path: string, more: Partial<RunFolderOptions> = {}): Promise<RunFolder> =>
  must(openRunFolder({ path, config, backend: 'test', resumeAt: null, whenUsed: 'refuse', ...more }))

const completion = (step: number): CompletionRecord => ({
  step,
  prompt_id: `p${step}`,
  problem: '?',
  answer: '1',
  images: [],
  extra: {},
  visual_entropy: null,
  confidence: -1,
  perceptual_bucket: null,
  reasoning_bucket: 0,
  completions: [],
})
const evaluation = (step: number): Evaluation => ({
  step,
  split: 'validation',
  count: 1,
  accuracy: 1,
  interval: [1, 1],
  format: 1,
  mean_length: 3,
  correct: [1],
  by: {},
})
const logStep = async (run: RunFolder, step: number): Promise<void> => {
  await must(run.logMetrics({ step, loss: step / 7, 'completions/mean_length': 3 + step }))
  await must(run.logCompletions([completion(step), completion(step)]))
  if (step % 3 === 0) await must(run.logEvaluation(evaluation(step)))
}
const contents = async (path: string): Promise<Record<string, string>> => {
  const names = (await readdir(path)).filter((name) => name.endsWith('.jsonl') || name.startsWith('events'))
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [
        name.startsWith('events') ? 'events' : name,
        (await readFile(join(path, name))).toString('base64'),
      ]),
    ),
  ) as Record<string, string>
}

describe('openRunFolder', () => {
  it('writes config, environment and one line a step', async () => {
    const path = await folder()
    const run = await open(path)
    await logStep(run, 1)
    await logStep(run, 3)
    await must(run.close())
    expect(await must(readJsonl(join(path, 'metrics.jsonl')))).toEqual([
      { step: 1, loss: 1 / 7, 'completions/mean_length': 4 },
      { step: 3, loss: 3 / 7, 'completions/mean_length': 6 },
    ])
    expect(await must(readJsonl(join(path, 'completions.jsonl')))).toHaveLength(4)
    expect(await must(readJsonl(join(path, 'evaluation.jsonl')))).toEqual([evaluation(3)])
    expect(await readFile(join(path, 'config.yaml'), 'utf8')).toContain('num_generations: 8')
    expect(JSON.parse(await readFile(join(path, 'environment.json'), 'utf8'))).toMatchObject({ backend: 'test' })
  })

  it('stores a picture once, under a name made of its content', async () => {
    const path = await folder()
    const run = await open(path)
    const first = await must(run.saveImage(Uint8Array.of(0x89, 0x50, 1)))
    const again = await must(run.saveImage(Uint8Array.of(0x89, 0x50, 1)))
    const photo = await must(run.saveImage(Uint8Array.of(0xff, 0xd8, 1)))
    expect(first).toMatch(/^images\/[0-9a-f]{16}\.png$/)
    expect(again).toBe(first)
    expect(photo).toMatch(/\.jpg$/)
    expect((await readdir(join(path, 'images'))).length).toBe(2)
    await must(run.close())
  })

  it('refuses a folder that holds a run unless it may start over', async () => {
    const path = await folder()
    const run = await open(path)
    await logStep(run, 1)
    await must(run.close())
    const second = await openRunFolder({ path, config, backend: 'test', resumeAt: null, whenUsed: 'refuse' })()
    expect(E.isLeft(second) && sentence(second.left)).toContain('already holds a run; give another output_dir')
    await must((await open(path, { whenUsed: 'restart' })).close())
    expect(await readFile(join(path, 'metrics.jsonl'), 'utf8')).toBe('')
    expect((await readdir(path)).filter((name) => name.startsWith('events'))).toHaveLength(1)
  })

  it('says so when a log is shorter than the checkpoint remembers', async () => {
    const path = await folder()
    const run = await open(path)
    await logStep(run, 1)
    const offsets = await must(run.offsets())
    await must(run.close())
    await writeFile(join(path, 'completions.jsonl'), '')
    const resumed = await openRunFolder({ path, config, backend: 'test', resumeAt: offsets, whenUsed: 'refuse' })()
    expect(E.isLeft(resumed) && sentence(resumed.left)).toMatch(/completions\.jsonl has 0 bytes/)
  })

  it('trajectory: a run killed anywhere and resumed from its checkpoint leaves the logs of a run never killed', async () => {
    const plan = fc.record({
      before: fc.integer({ min: 0, max: 4 }),
      lost: fc.integer({ min: 0, max: 4 }),
      after: fc.integer({ min: 1, max: 4 }),
      torn: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ before, lost, after, torn }) => {
        const wall = Date.now
        Date.now = () => 1_700_000_000_000 // the only thing in the logs that the clock decides
        try {
          const whole = await folder()
          const straight = await open(whole)
          for (let step = 1; step <= before + after; step++) await logStep(straight, step)
          await must(straight.close())

          const path = await folder()
          const first = await open(path)
          for (let step = 1; step <= before; step++) await logStep(first, step)
          const offsets: Offsets = await must(first.offsets())
          for (let step = before + 1; step <= before + lost; step++) await logStep(first, step)
          await must(first.close())
          if (torn) await appendFile(join(path, 'metrics.jsonl'), '{"step": 9')
          const resumed = await open(path, { resumeAt: offsets })
          for (let step = before + 1; step <= before + after; step++) await logStep(resumed, step)
          await must(resumed.close())
          expect(await contents(path)).toEqual(await contents(whole))
        } finally {
          Date.now = wall
        }
      }),
      { seed: 7, numRuns: 25 },
    )
  })
})

describe('readJsonl', () => {
  it('leaves out a torn last line, and names the line of any other damage', async () => {
    const file = join(await folder(), 'x.jsonl')
    await writeFile(file, '{"a":1}\n{"a":')
    expect(await must(readJsonl(file))).toEqual([{ a: 1 }])
    await writeFile(file, '{"a":1}\noops\n{"a":2}\n')
    const broken = await readJsonl(file)()
    expect(E.isLeft(broken) && sentence(broken.left)).toContain('x.jsonl line 2 is not JSON')
    expect(await must(readJsonl(join(root, 'none.jsonl')))).toEqual([])
  })
})
