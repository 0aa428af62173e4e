import { Command } from 'commander'
import { either as E } from 'fp-ts'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadDataset } from '../data/dataset.ts'
import { compareAnswers, lastBoxed } from '../reward/index.ts'
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
  it('says what is there, or what is wrong', async () => {
    await durian('make', '--out', folder, ...small)
    out = ''
    await durian('check', `${folder}@test`)
    expect(out).toMatch(
      /^rows +2\npictures +2, 0\.0 MB, 56 to 56 pixels a side\nsolutions +2\nother columns +direct, family/,
    )
    await durian('check', `${folder}@dev`)
    expect(err).toContain('has no split "dev"')
    expect(process.exitCode).toBe(2)
  })
})
