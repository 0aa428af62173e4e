import { Command } from 'commander'
import { either as E } from 'fp-ts'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DataReport } from '../data/checkData.ts'
import { loadDataset } from '../data/dataset.ts'
import { compareAnswers, lastBoxed } from '../reward/index.ts'
import { demoModel } from '../train/testing.ts'
import { registerData } from './data.ts'

let folder = ''
let out = ''
let err = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-make-'))
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
})
afterEach(async () => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  await rm(folder, { recursive: true })
})

const durian = async (...args: ReadonlyArray<string>): Promise<void> => {
  const program = new Command('durian')
  registerData(program)
  await program.parseAsync(['data', ...args], { from: 'user' })
}

const rowsOf = async (spec: string) => {
  const loaded = await loadDataset(spec)()
  if (E.isLeft(loaded)) throw new Error(JSON.stringify(loaded.left))
  return loaded.right.rows
}

const small = ['--train', '300', '--validation', '3', '--test', '2']

describe('durian data make', () => {
  it('writes the splits asked for, whole, with answers that their solutions reach', async () => {
    await durian('make', '--out', folder, ...small, '--sft', '4')
    expect((await readdir(folder)).sort()).toEqual([
      'sft.parquet',
      'test.parquet',
      'train.parquet',
      'validation.parquet',
    ])
    const train = await rowsOf(`${folder}@train`)
    expect(train).toHaveLength(300)
    for (const { solution, answer } of train) expect(compareAnswers(lastBoxed(solution!), answer)).toBe('match')
    const { width, height, channels } = await sharp(train[299]!.images[0]).metadata()
    expect([width, height, channels]).toEqual([56, 56, 3])
    expect(Object.keys(train[0]!.extra)).toEqual(['direct', 'family', 'steps', 'noise', 'clutter'])
    expect(out).toMatch(/^split +rows +MB +questions +file\ntrain +300 /)
    expect(err).toContain('300/300 train rows')
  })

  it('writes the same bytes again for the same seed, and no row twice across splits', async () => {
    const written = async (name: string, seed: string): Promise<Buffer> => {
      await durian('make', '--out', join(folder, name), ...small, '--seed', seed)
      return readFile(join(folder, name, 'train.parquet'))
    }
    const first = await written('a', '1')
    expect((await written('b', '1')).equals(first)).toBe(true)
    expect((await written('c', '2')).equals(first)).toBe(false)
    const pictures = (await Promise.all(['train', 'validation', 'test'].map((split) => rowsOf(`${folder}/a@${split}`))))
      .flat()
      .map(({ images }) => Buffer.from(images[0]!).toString('base64'))
    expect(new Set(pictures).size).toBe(305)
  })

  it('leaves out a split of 0 rows, and gives the cold start its own difficulty', async () => {
    const flags = [
      '--train',
      '0',
      '--validation',
      '0',
      '--test',
      '0',
      '--sft',
      '60',
      '--sft_noise',
      '0',
      '--sft_clutter',
      '1',
    ]
    await durian('make', '--out', folder, ...flags)
    expect(await readdir(folder)).toEqual(['sft.parquet'])
    const rows = await rowsOf(folder)
    expect(new Set(rows.map(({ extra }) => extra.noise))).toEqual(new Set([0]))
    expect(new Set(rows.map(({ extra }) => extra.clutter))).toEqual(new Set([0, 1]))
  })

  it('writes a preview sheet and its captions', async () => {
    const sheet = join(folder, 'new', 'sheet.png')
    await durian('make', '--out', folder, ...small, '--preview', sheet)
    const { width, height } = await sharp(sheet).metadata()
    expect([width, height]).toEqual([8 + 8 * 176, 8 + 4 * 176])
    expect(out.split('\n').filter((line) => /^\d+\t<image>/.test(line))).toHaveLength(32)
  })

  it.each([
    [['--train', '-1'], '--train takes a whole number from 0 to 10000000, not "-1".'],
    [['--train', '1.5'], '--train takes a whole number'],
    [['--noise', 'loud'], '--noise takes a number from 0 to 2, not "loud".'],
    [['--seed', ''], '--seed takes a whole number'],
    [['--train', '0', '--validation', '0', '--test', '0'], 'All splits have 0 rows; ask for some'],
  ])('refuses %j with exit code 2', async (flags, message) => {
    await durian('make', '--out', folder, ...flags)
    expect(err).toContain(message)
    expect(process.exitCode).toBe(2)
    expect(await readdir(folder)).toEqual([])
  })

  it('says when it cannot write, with exit code 1', async () => {
    await durian('make', '--out', '/dev/null/data', ...small)
    expect(err).toMatch(/^Could not write the data set into \/dev\/null\/data \(.+\); mend that/)
    expect(process.exitCode).toBe(1)
  })
})

describe('durian data check', () => {
  const goldens = fileURLToPath(new URL('../../goldens/parquet/', import.meta.url))
  const lines = async (name: string, records: ReadonlyArray<unknown>): Promise<string> => {
    const path = join(folder, name)
    await writeFile(
      path,
      records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n'),
    )
    return path
  }

  it('says what is there', async () => {
    await durian('make', '--out', folder, ...small)
    out = ''
    await durian('check', `${folder}@test`, '--model', demoModel)
    expect(out).toMatch(
      /^rows +2 in 1 file\npictures +2, 0\.0 MB\nlonger sides +56 to 56 pixels, median 56, 95 % up to 56\n/,
    )
    expect(out).toMatch(/\nprompts +\d+ to \d+ tokens, .*\nanswers +2 value\nsolutions +2\n.*\ndoubles +0\n/)
    expect(out).toMatch(/\nother columns +direct, family, .*\nerrors +0\nwarnings +0\n$/)
    expect(process.exitCode).toBeUndefined()
    await durian('check', `${folder}@dev`)
    expect(err).toContain('has no split "dev"')
    expect(process.exitCode).toBe(2)
  })

  it('lists every problem with row, column and mend, whatever the number of workers, and exits with 2', async () => {
    const red = join(goldens, 'pictures', 'red.png')
    await writeFile(join(folder, 'cut.png'), (await readFile(red)).subarray(0, 50))
    const path = await lines('rows.jsonl', [
      { id: 'a', problem: '<image>x?', answer: '1', images: [red] },
      { id: 'a', problem: 'x?', answer: '2' },
      { problem: '<image>x?', answer: '', images: ['cut.png'] },
      { problem: '<image><image>y?', answer: '1', images: [red] },
      '{"problem"',
      { problem: '<image>x?', answer: '(1, 2)', images: [red] },
      { problem: 'z?', answer: 'left' },
    ])
    const report = async (...flags: ReadonlyArray<string>): Promise<DataReport> => {
      out = ''
      await durian('check', path, '--json', ...flags)
      return JSON.parse(out) as DataReport
    }
    const found = await report('--num_workers', '1')
    expect(found.findings.map(({ severity, place, column, what }) => [severity, place.replace(folder, ''), column, what])).toEqual([
      ['error', 'Row 1 of /rows.jsonl', 'id', `has the id "a" of Row 0 of ${path}`],
      ['error', 'Row 2 of /rows.jsonl', 'answer', 'has an answer that is empty'],
      ['error', 'Row 2 of /rows.jsonl', 'images', expect.stringMatching(/^has a picture that cannot be used: image 1: /)],
      ['error', 'Row 3 of /rows.jsonl', 'problem', 'has 1 picture and 2 <image> marks'],
      ['error', 'In /rows.jsonl, line 5', 'line 5', 'is not JSON'],
      ['warning', 'Row 5 of /rows.jsonl', 'prompt', `has the question and pictures of Row 0 of ${path}`],
    ]) // prettier-ignore
    expect(found).toMatchObject({ rows: 7, errors: 5, warnings: 1, duplicates: 1 })
    expect(found.answers).toEqual({ value: 2, list: 1, text: 1, unreadable: 1 })
    expect(await report('--num_workers', '4')).toEqual(found)
    expect(process.exitCode).toBe(2)
    expect(err).toContain(`5 errors in ${path}; mend the rows, or train with on_bad_row=skip.`)
    out = ''
    await durian('check', path, '--max_findings', '1')
    expect(out).toMatch(
      /\n +row +column +what +mend\nerror +Row 1 of .*make ids unique or drop the column\n… and 5 more; --max_findings 6 shows all\n$/,
    )
  })

  it('finds doubles across data sets, measures prompts, and goes on behind a broken file', async () => {
    const twelve = (name: string) => join(goldens, name)
    await durian('check', twelve('zstd.parquet'), twelve('paths.jsonl'), '--json')
    expect(JSON.parse(out)).toMatchObject({ rows: 24, errors: 0, duplicates: 18, warnings: 18 })
    expect(process.exitCode).toBeUndefined()
    out = ''
    await durian('check', twelve('trl_text.parquet'), '--model', demoModel, '--max_prompt_length', '4', '--json')
    expect((JSON.parse(out) as DataReport).findings[0]).toMatchObject({ column: 'prompt', mend: expect.stringMatching(/filter_overlong_prompts=true/) as string }) // prettier-ignore
    await writeFile(join(folder, 'train-00000-of-00002.parquet'), 'PAR1')
    await copyFile(twelve('gzip.parquet'), join(folder, 'train-00001-of-00002.parquet'))
    out = ''
    await durian('check', `${folder}@train`, '--json')
    expect(JSON.parse(out)).toMatchObject({ rows: 12, errors: 1 })
    await durian('check', twelve('zstd.parquet'), '--max_prompt_length', '4')
    expect(err).toContain('--max_prompt_length counts tokens of a model; add --model DIR.')
  })

  it('reads all data sets of a configuration as its run would', async () => {
    const config = join(folder, 'run.yaml')
    const names = [`dataset: ${join(goldens, 'paths.jsonl')}`, `test_dataset: ${join(goldens, 'trl_text.parquet')}`]
    const keys = [
      'preset: demo',
      `model_name_or_path: ${demoModel}`,
      `output_dir: ${folder}`,
      'system_prompt: Be brief.',
    ]
    await writeFile(config, [...keys, ...names].join('\n'))
    await durian('check', '--config', config, '--json')
    expect(JSON.parse(out)).toMatchObject({ rows: 24, conversations: 24, errors: 0, promptLengths: { count: 24 } })
    out = ''
    await durian('check', join(goldens, 'zstd.parquet'), '--config', config, '--json')
    expect(JSON.parse(out)).toMatchObject({ rows: 12, conversations: 12 })
    expect(process.exitCode).toBeUndefined()
    await durian('check')
    expect(err).toContain('Name a data set, or a configuration with --config.')
  })
})
