import { existsSync } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { demoModel, smallData } from '../train/testing.ts'
import { runProgram } from './program.ts'

let data: string
let folder: string
beforeAll(async () => {
  data = await smallData()
  folder = await mkdtemp(join(tmpdir(), 'durian-bad-'))
})
afterEach(() => {
  process.exitCode = undefined
  vi.restoreAllMocks()
})

/** What `durian <argv>` says on stderr, and its exit code. */
const durian = async (
  ...argv: ReadonlyArray<string>
): Promise<{ readonly code: number | undefined; readonly said: string }> => {
  let said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
  const code = (await runProgram(argv)) ?? (process.exitCode as number | undefined)
  return { code, said }
}

const trainOn = (...overrides: ReadonlyArray<string>) =>
  durian(
    'train',
    `model_name_or_path=${demoModel}`,
    `dataset=${join(data, 'train.parquet')}`,
    `output_dir=${join(folder, 'run')}`,
    ...overrides,
  )

const rows = async (name: string, ...lines: ReadonlyArray<object>): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}

describe('durian train refuses, in one sentence with exit code 2 and before any compute,', () => {
  const cases: ReadonlyArray<readonly [string, () => Promise<string>, RegExp]> = [
    ['a misspelt key', () => Promise.resolve('learning_rat=1'), /learning_rat.*did you mean 'learning_rate'/],
    ['a missing data file', () => Promise.resolve('dataset=absent.parquet'), /absent\.parquet/],
    [
      'a truncated parquet file',
      async () => {
        const file = join(folder, 'cut.parquet')
        await writeFile(file, (await readFile(join(data, 'train.parquet'))).subarray(0, 40_000))
        return `dataset=${file}`
      },
      /cut\.parquet is not a whole parquet file/,
    ],
    [
      'a row without the picture its text refers to',
      async () => `dataset=${await rows('none.jsonl', { problem: '<image>perimeter?', answer: '3', images: [] })}`,
      /Row 0 of .*none\.jsonl has 0 pictures and 1 <image> mark/,
    ],
    [
      'a text that makes more image tokens than there are pictures',
      async () => `dataset=${await rows('pad.jsonl', { problem: 'what <|image_pad|> is it?', answer: '3' })}`,
      /pad\.jsonl#0.*1 image tokens for 0 images/,
    ],
    [
      'an answer that cannot be compared',
      async () =>
        `dataset=${await rows('gold.jsonl', { problem: 'sum?', answer: '3' }, { problem: 'sum?', answer: '{' })}`,
      /Row 1 of .*gold\.jsonl has an answer that/,
    ],
    [
      'a model folder that is not there',
      () => Promise.resolve('model_name_or_path=absent'),
      /model_name_or_path absent does not exist/,
    ],
    [
      'batch sizes that do not divide',
      () => Promise.resolve('generation_batch_size=100'),
      /must be a multiple of num_generations/,
    ],
    [
      'from_scratch without a cold start',
      () => Promise.resolve('from_scratch=true'),
      /add an sft section for the cold start/,
    ],
    [
      'a reward that does not exist',
      () => Promise.resolve('reward_funcs=[accuracy_reward, nice_reward]'),
      /"nice_reward"/,
    ],
  ]
  for (const [name, override, sentence] of cases)
    it(name, async () => {
      const { code, said } = await trainOn(await override())
      expect(said).toMatch(sentence)
      expect(said.trim().split('\n')).toHaveLength(1)
      expect(code).toBe(2)
      expect(existsSync(join(folder, 'run'))).toBe(false)
    })
})
