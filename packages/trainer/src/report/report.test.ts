import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { analysisJson, analysisText } from '../cli/analyze.ts'
import { sentence } from '../errors.ts'
import { pairedDifference } from '../run/intervals.ts'
import { must, writeMadeUpRun } from '../testing/madeUpRun.ts'
import { analyse } from './analysis.ts'
import { readBatches } from './readBatches.ts'
import { readRun } from './readRun.ts'
import { differenceWords, percent } from './words.ts'
import { writeReport } from './writeReport.ts'

let root = ''
const one = (): string => join(root, 'one')
const two = (): string => join(root, 'two')
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'durian-report-'))
  await writeMadeUpRun({ path: one(), steps: 4, prompts: 16, seed: 1, rows: 64 })
  await writeMadeUpRun({ path: two(), steps: 4, prompts: 16, seed: 2, rows: 64, estimator: 'grpo' })
})
afterAll(() => rm(root, { recursive: true }))

const report = async (runs: ReadonlyArray<string>): Promise<string> => {
  const out = join(root, 'out', 'report.html')
  await must(writeReport(runs, out))
  return readFile(out, 'utf8')
}

/** What computed text must never hold, with its surroundings; a whole page in a failure message would be unreadable. */
const holes = (page: string): ReadonlyArray<string> =>
  [...page.matchAll(/.{0,60}\b(NaN|undefined|Infinity)\b.{0,60}/g)].map(([found]) => found)
const lacks = (page: string, words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.filter((word) => !page.includes(word))

describe('writeReport', () => {
  it('is one file that needs no script, no network and no other file', async () => {
    const page = await report([one()])
    expect(page.slice(0, 15)).toBe('<!doctype html>')
    expect(page.match(/<script|<link|@import|url\(|\son[a-z]+=/i)).toBeNull()
    const sources = [...page.matchAll(/(?:src|href)="([^"]{0,12})/g)].map(([, start]) => start!)
    expect(sources.length).toBeGreaterThan(10)
    for (const source of sources) expect(source).toMatch(/^(data:image\/|#)/)
  })

  it('takes its numbers from the files', async () => {
    const page = await report([one()])
    const { evaluations, config } = await must(readRun(one()))
    const tests = evaluations.filter(({ split }) => split === 'test')
    const [before, after] = [tests[0]!, tests.at(-1)!]
    expect(lacks(page, [`${(100 * before.accuracy).toFixed(1)} → ${percent(after.accuracy)}`])).toEqual([])
    expect(
      lacks(page, [differenceWords(pairedDifference(before.correct, after.correct, { seed: config.seed }))]),
    ).toEqual([])
  })

  it('shows what the policy wrote as text, never as markup', async () => {
    const page = await report([one()])
    expect(lacks(page, ['&lt;think&gt;'])).toEqual([])
    expect(page.includes('<think>')).toBe(false)
  })

  it('shows pictures of each entropy bucket and the advantages of each estimator', async () => {
    const page = await report([one()])
    expect(
      lacks(page, [
        'low entropy',
        'high entropy',
        'Who moves the update',
        'Advantages under each estimator',
        'Dr. GRPO',
      ]),
    ).toEqual([])
    expect(page.match(/<svg/g)!.length).toBeGreaterThan(12)
    expect(holes(page)).toEqual([])
  })

  it('compares runs over the same rows, and says which settings differ', async () => {
    const page = await report([one(), two()])
    const [a, b] = await Promise.all([one(), two()].map(async (run) => (await must(readRun(run))).evaluations.at(-1)!))
    expect(lacks(page, [differenceWords(pairedDifference(a!.correct, b!.correct, { seed: 2 }))])).toEqual([])
    expect(lacks(page, ['<mark>grpo</mark>'])).toEqual([])
    expect(holes(page)).toEqual([])
  })

  it('is the same file for the same runs', async () => {
    expect((await report([one()])) === (await report([one()]))).toBe(true)
  })

  it('names file, line and key of a log that no run wrote', async () => {
    const broken = join(root, 'broken')
    await writeMadeUpRun({ path: broken, steps: 1, prompts: 4, seed: 3, rows: 8 })
    await appendFile(join(broken, 'metrics.jsonl'), '{"step": 2, "loss": "low"}\n')
    const result = await writeReport([broken], join(root, 'x.html'))()
    expect(E.isLeft(result) && sentence(result.left)).toMatch(/metrics\.jsonl line 2: .*loss.* is "low"/)
  })

  it('is written for a run that has only begun', async () => {
    const short = join(root, 'short')
    await writeMadeUpRun({ path: short, steps: 1, prompts: 4, seed: 3, rows: 8 })
    await writeFile(join(short, 'completions.jsonl'), '')
    await writeFile(join(short, 'evaluation.jsonl'), '')
    expect(holes(await report([short]))).toEqual([])
  })
})

describe('durian analyze', () => {
  it('reads a run and its completions.jsonl alike', async () => {
    const run = await must(readBatches(one()))
    const file = await must(readBatches(join(one(), 'completions.jsonl')))
    expect(file.batches).toEqual(run.batches)
    expect(run.batches.map(({ step }) => step)).toEqual([1, 2, 3, 4])
  })

  it('prints the counts and the shares of the update, and the same as JSON', async () => {
    const { batches, options } = await must(readBatches(one()))
    const steps = batches.map(analyse(options))
    const text = analysisText(steps)
    expect(text.split('\n')[1]).toMatch(/^step +prompts +with gradient/)
    expect(text).toMatch(/^all +64 /m)
    const json = JSON.parse(analysisJson('x', steps)) as { totals: { groups: number }; steps: ReadonlyArray<object> }
    expect(json.totals.groups).toBe(64)
    expect(json.steps).toHaveLength(4)
  })

  it('says what it wants when the path is nothing of the kind', async () => {
    const nothing = await readBatches(join(root, 'nothing'))()
    expect(E.isLeft(nothing) && sentence(nothing.left)).toContain('does not exist; give a run folder or a JSONL file')
  })
})
