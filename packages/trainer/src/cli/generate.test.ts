import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fixtureDir, maxDifference, rows } from '../policy/testing.ts'
import { demoModel, smallData } from '../train/testing.ts'
import type { GenerateResult } from './generate.ts'
import { runProgram } from './program.ts'

let folder: string
let data: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-generate-'))
  data = await smallData()
})
afterEach(() => {
  process.exitCode = undefined
  vi.restoreAllMocks()
})

/** What `durian <argv>` prints and says, and its exit code. */
const durian = async (...argv: ReadonlyArray<string>) => {
  const out = { printed: '', said: '' }
  const catching = (key: keyof typeof out) =>
    ((text: string | Uint8Array) => {
      out[key] += String(text)
      return true
    }) as typeof process.stdout.write
  vi.spyOn(process.stdout, 'write').mockImplementation(catching('printed'))
  vi.spyOn(process.stderr, 'write').mockImplementation(catching('said'))
  const code = (await runProgram(argv)) ?? process.exitCode ?? 0
  process.exitCode = undefined
  vi.restoreAllMocks()
  return { ...out, code }
}
const generate = (file: string, ...flags: ReadonlyArray<string>) =>
  durian(
    'generate',
    '--model',
    fixtureDir,
    '--data',
    file,
    '--backend',
    'wasm',
    '--max_completion_length',
    '5',
    ...flags,
  )
const parsed = (printed: string): ReadonlyArray<GenerateResult> =>
  printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as GenerateResult)

describe('durian generate', () => {
  it('law: prints the same lines in the order of the rows however many completions are decoded together', async () => {
    const file = join(fixtureDir, 'rows.jsonl')
    const whole = await generate(file, '--num_generations', '3')
    const parts = await generate(file, '--num_generations', '3', '--batch_size', '1')
    expect([whole.code, parts.code]).toEqual([0, 0])
    const [some, others] = [parsed(whole.printed), parsed(parts.printed)]
    expect(some.map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
    some.forEach((line, i) => {
      const { logprobs, ...rest } = line
      const { logprobs: otherLogprobs, ...otherRest } = others[i]!
      expect(rest).toEqual(otherRest)
      logprobs.forEach((own, g) => expect(maxDifference(own, otherLogprobs[g]!)).toBeLessThan(1e-4))
      for (const list of [rest.completions, rest.completion_ids, rest.terminated, logprobs])
        expect(list).toHaveLength(3)
      rest.completion_ids.forEach((ids, g) => {
        expect(ids).toHaveLength(logprobs[g]!.length)
        expect(rest.terminated[g]).toBe([460, 458].includes(ids.at(-1)!))
      })
      expect(logprobs.flat().every((logprob) => logprob <= 0)).toBe(true)
    })
    // Another seed draws otherwise, greedy draws alike.
    const another = parsed((await generate(file, '--num_generations', '3', '--seed', '7')).printed)
    expect(another.map(({ completion_ids }) => completion_ids)).not.toEqual(
      some.map(({ completion_ids }) => completion_ids),
    )
    const greedy = parsed((await generate(file, '--num_generations', '2', '--temperature', '0')).printed)
    expect(greedy.every(({ completion_ids: [a, b] }) => a!.join() === b!.join())).toBe(true)
  })

  it('stops at a row that cannot be used before anything is printed, or leaves it out and says so', async () => {
    const lines = (await readFile(join(fixtureDir, 'rows.jsonl'), 'utf8')).trim().split('\n')
    const broken = JSON.stringify({ id: 'x', images: ['absent.png'], problem: '<image>?' })
    const file = join(folder, 'broken.jsonl')
    await writeFile(file, [lines[2], broken, '{', JSON.stringify({ id: 'y', problem: 'a <image>' })].join('\n'))
    const stopped = await generate(file)
    expect(stopped).toMatchObject({ code: 2, printed: '' })
    expect(stopped.said.trim().split('\n')).toHaveLength(1)
    expect(stopped.said).toContain('Row 1 of')
    const skipped = await generate(file, '--on_error', 'skip', '--num_generations', '1')
    expect(skipped.code).toBe(0)
    expect(parsed(skipped.printed).map(({ id }) => id)).toEqual(['c'])
    expect(skipped.said).toContain('3 rows that cannot be used. The first: Row 1 of')
  })

  it('refuses flags out of range in one sentence', async () => {
    const cases = [
      ['--num_generations', '0', '--num_generations takes a whole number of at least 1, not "0".'],
      ['--temperature', '-1', '--temperature takes a number of at least 0, not "-1".'],
      ['--top_p', '2', '--top_p takes a number from 0.000001 to 1, not "2".'],
      ['--batch_size', 'x', '--batch_size takes a whole number of at least 1, not "x".'],
    ] as const
    for (const [flag, text, said] of cases)
      expect(await generate('absent.jsonl', flag, text)).toEqual({ code: 2, printed: '', said: `${said}\n` })
  })
})

describe('durian eval', () => {
  const evaluate = (...flags: ReadonlyArray<string>) =>
    durian(
      'eval',
      '--model',
      demoModel,
      '--data',
      join(data, 'test.parquet'),
      '--backend',
      'wasm',
      '--samples',
      '6',
      ...flags,
    )
  interface Part {
    readonly count: number
    readonly accuracy: number
    readonly interval: readonly [number, number]
  }

  it('prints greedy accuracy, pass@k and maj@k with intervals, and the same for the rows of each family', async () => {
    const { printed, code } = await evaluate('--num_generations', '4')
    expect(code).toBe(0)
    const {
      rows: count,
      greedy,
      sampled,
    } = JSON.parse(printed) as {
      rows: number
      greedy: Part & { by: { family: Record<string, Part> } }
      sampled: Record<string, { mean: number; interval: readonly number[] }> & {
        by: { family: Record<string, Record<string, unknown>> }
      }
    }
    expect(count).toBe(6)
    const families = Object.values(greedy.by.family)
    expect(families.reduce((sum, part) => sum + part.count, 0)).toBe(6)
    expect(families.reduce((sum, part) => sum + part.count * part.accuracy, 0)).toBeCloseTo(6 * greedy.accuracy, 9)
    for (const { interval, accuracy } of [greedy, ...families]) {
      expect(interval[0]).toBeLessThanOrEqual(accuracy)
      expect(interval[1]).toBeGreaterThanOrEqual(accuracy)
    }
    expect(Object.keys(sampled)).toEqual(
      expect.arrayContaining(['num_generations', 'pass@1', 'pass@2', 'pass@4', 'maj@4']),
    )
    expect(sampled['pass@4']!.mean).toBeGreaterThanOrEqual(sampled['pass@1']!.mean)
    expect(Object.keys(sampled.by.family)).toEqual(Object.keys(greedy.by.family))
    expect(Object.values(sampled.by.family)[0]).toHaveProperty('maj@4')
  })

  it('names the columns there are when asked for one there is not', async () => {
    const { said, code } = await evaluate('--by', 'family, colour')
    expect(code).toBe(2)
    expect(said).toMatch(/^--by colour: no row has a word or number in that column; take one of .*family/)
  })
})
