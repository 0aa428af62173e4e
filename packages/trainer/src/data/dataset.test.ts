import { either as E } from 'fp-ts'
import { cp, mkdtemp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { loadDataset, type Dataset, type DatasetOptions } from './dataset.ts'
import type { Row } from './types.ts'
import { writeParquet, type ExtraColumn } from './writeParquet.ts'

const golden = fileURLToPath(new URL('../../goldens/pyarrow_geometry3k.parquet', import.meta.url))
let folder = ''
let red = new Uint8Array()
let blue = new Uint8Array()

const picture = async (background: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(
    await sharp({ create: { width: 6, height: 4, channels: 3, background } })
      .png()
      .toBuffer(),
  )

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-data-'))
  red = await picture('red')
  blue = await picture('blue')
})
afterAll(() => rm(folder, { recursive: true }))

const loaded = async (spec: string, options?: DatasetOptions): Promise<Dataset> => {
  const result = await loadDataset(spec, options)()
  if (E.isLeft(result)) throw new Error(sentence(result.left))
  return result.right
}

/** The sentence of the error; it has to be bad input. */
const refusal = async (spec: string, options?: DatasetOptions): Promise<string> => {
  const result = await loadDataset(spec, options)()
  if (E.isRight(result)) throw new Error(`${spec} was accepted`)
  expect(result.left._tag).toBe('BadInput')
  return sentence(result.left)
}

const row = (part: Partial<Row> = {}): Row => ({
  id: '',
  problem: '<image>x?',
  answer: '4',
  images: [red],
  extra: {},
  ...part,
})

const write = async (
  name: string,
  rows: ReadonlyArray<Row>,
  extra: ReadonlyArray<ExtraColumn> = [],
): Promise<string> => {
  const path = join(folder, name)
  await writeParquet(
    path,
    extra,
    (async function* () {
      // Two row groups whenever there are two rows.
      const half = Math.ceil(rows.length / 2)
      yield rows.slice(0, half)
      if (rows.length > half) yield rows.slice(half)
    })(),
  )
  return path
}

const lines = async (name: string, records: ReadonlyArray<unknown>): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, records.map((record) => JSON.stringify(record)).join('\n'))
  return path
}

describe('parquet', () => {
  it('reads back what it writes: no, one and two pictures, with and without a solution, numbers and text', async () => {
    const extra = [
      { name: 'family', type: 'text' },
      { name: 'steps', type: 'integer' },
      { name: 'noise', type: 'real' },
    ] as const
    const rows = [
      row({ id: 'three.parquet#0', solution: '<think>é</think>', extra: { family: 'bars', steps: 2, noise: 0.25 } }),
      row({ id: 'three.parquet#1', problem: 'x?', images: [], extra: { family: null, steps: -3, noise: 1e300 } }),
      row({
        id: 'three.parquet#2',
        problem: '<image>, <image>?',
        images: [blue, red],
        extra: { family: '∠', steps: null, noise: null },
      }),
    ]
    expect((await loaded(await write('three.parquet', rows, extra))).rows).toEqual(rows)
  })

  it('golden: reads a file as datasets writes Geometry3K (pyarrow 26, zstd, two row groups)', async () => {
    const { rows } = await loaded(golden)
    expect(rows.map(({ images: _, ...rest }) => rest)).toEqual([
      { id: '10', problem: '<image>Find x.', answer: '3\\sqrt{2}', extra: { choices: ['1', '3\\sqrt{2}'], ground_truth: 'B', score: 0.5 } }, // prettier-ignore
      { id: '11', problem: 'What is 2 + 2?', answer: '4', extra: { choices: [], ground_truth: null, score: 0.25 } },
      { id: '12', problem: '<image><image>Which is larger?', answer: 'B', extra: { choices: ['A', 'B'], ground_truth: 'B', score: null } }, // prettier-ignore
      { id: '9007199254740993', problem: '<image>Find ∠A.', answer: '48', extra: { choices: ['48', '50'], ground_truth: 'A', score: 1 } }, // prettier-ignore
    ])
    const colours = await Promise.all(
      rows
        .flatMap(({ images }) => images)
        .map(async (bytes) => [...(await sharp(bytes).raw().toBuffer()).subarray(0, 3)]),
    )
    expect(colours).toEqual([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]) // prettier-ignore
  })

  it('says that a truncated or empty file is not whole', async () => {
    const path = join(folder, 'cut.parquet')
    for (const size of [3000, 100, 0]) {
      await cp(golden, path)
      await truncate(path, size)
      expect(await refusal(path)).toMatch(/^Data .*cut\.parquet is not a whole parquet file \(.+\); write or download/)
    }
  })

  it('says that a file with a broken page is not whole', async () => {
    const path = join(folder, 'flipped.parquet')
    const bytes = await readFile(golden)
    await writeFile(path, bytes.fill(0xff, 4, 400))
    expect(await refusal(path)).toContain('flipped.parquet is not a whole parquet file')
  })

  it('names the missing column and those that are there', async () => {
    const path = await write('named.parquet', [row()])
    expect(await refusal(path, { columns: { answer: 'gold' } })).toBe(
      `Data ${path} has no column "gold", only images, problem, answer, solution; rename one of them, or name the right one with columns.*.`,
    )
    // The columns swapped: the problem is then "4", without a mark.
    const swapped = { answer: 'problem', prompt: 'answer' }
    expect(await refusal(path, { columns: swapped })).toContain('has 1 picture and 0 <image> marks')
  })

  it('leaves nothing behind, under neither name, when its rows end in an error', async () => {
    const path = join(folder, 'never', 'never.parquet')
    const failing = writeParquet(
      path,
      [],
      (async function* () {
        yield [row()]
        throw new Error('no more rows')
      })(),
    )
    await expect(failing).rejects.toThrow('no more rows')
    expect(await readdir(join(folder, 'never'))).toEqual([])
  })
})

describe('loadDataset', () => {
  it('finds splits in a directory, shards in order, and in the data/ of a Hub clone', async () => {
    const hub = join(folder, 'hub', 'data')
    await mkdir(hub, { recursive: true })
    await write('hub/data/train-00001-of-00002.parquet', [row({ answer: '2' })])
    await write('hub/data/train-00000-of-00002.parquet', [row({ answer: '1' })])
    await write('hub/data/test-00000-of-00001.parquet', [row({ answer: '3' })])
    const train = await loaded(`${join(folder, 'hub')}@train`)
    expect(train.rows.map(({ answer }) => answer)).toEqual(['1', '2'])
    expect(train.source).toBe(`${join(folder, 'hub')}@train`)
    expect(await refusal(join(folder, 'hub'))).toMatch(/holds test, train; say which one, e\.g\. .*hub@test\.$/)
    expect(await refusal(`${join(folder, 'hub')}@dev`)).toMatch(/has no split "dev"; it holds test, train\.$/)
  })

  it('takes the one split of a directory without being told, and a path with an @ in it', async () => {
    await mkdir(join(folder, 'only@home'))
    await write('only@home/train.parquet', [row({ answer: '9' })])
    expect((await loaded(join(folder, 'only@home'))).rows[0]!.answer).toBe('9')
    expect((await loaded(join(folder, 'only@home', 'train.parquet'))).rows).toHaveLength(1)
  })

  it('refuses what is not there, is no data, or has no rows', async () => {
    await mkdir(join(folder, 'bare'))
    await writeFile(join(folder, 'notes.csv'), 'a,b')
    await writeFile(join(folder, 'empty.jsonl'), '\n')
    const path = await write('plain.parquet', [row()])
    expect(await refusal('hiyouga/geometry3k@train')).toMatch(/^Data hiyouga\/geometry3k does not exist;/)
    expect(await refusal(join(folder, 'bare'))).toMatch(/holds no \.parquet or \.jsonl file; fill it/)
    expect(await refusal(join(folder, 'notes.csv'))).toMatch(/is neither \.parquet nor \.jsonl/)
    expect(await refusal(`${path}@train`)).toMatch(/is a file and has no split "train"; leave out @train\.$/)
    expect(await refusal(join(folder, 'empty.jsonl'))).toMatch(/has no rows/)
  })

  it('names the row whose marks and pictures disagree', async () => {
    const two = await write('two.parquet', [row(), row({ problem: '<image><image>?' })])
    expect(await refusal(two)).toBe(
      `Row 1 of ${two} has 1 picture and 2 <image> marks; write one <image> per picture into its problem.`,
    )
    const none = await write('none.parquet', [row({ problem: 'x?' })])
    expect(await refusal(none)).toContain('Row 0 of')
    expect(await refusal(none)).toContain('has 1 picture and 0 <image> marks')
  })

  it('names the row whose answer cannot be compared', async () => {
    const answers = { '': 'is empty', ' $ $ ': 'is empty without its units', '\\frac{1}{2': 'has unmatched braces' }
    for (const [answer, reason] of Object.entries(answers)) {
      const path = await write('gold.parquet', [row(), row(), row({ answer })])
      expect(await refusal(path)).toMatch(new RegExp(`^Row 2 of .*gold\\.parquet has an answer that .*${reason}`))
    }
    const long = await write('gold.parquet', [row({ answer: '1'.repeat(301) })])
    expect(await refusal(long)).toContain('is longer than 300 characters')
  })

  it('refuses an empty problem and an empty picture', async () => {
    const path = await write('blank.parquet', [row({ problem: ' ' })])
    expect(await refusal(path)).toMatch(/^Row 0 of .* has no text in column "problem"/)
    const hollow = await write('hollow.parquet', [row({ images: [new Uint8Array()] })])
    expect(await refusal(hollow)).toContain('has an empty picture')
  })
})

describe('jsonl', () => {
  it('reads pictures as paths beside the file, data URLs and base64', async () => {
    await mkdir(join(folder, 'pictures'))
    await writeFile(join(folder, 'pictures', 'red.png'), red)
    const base64 = Buffer.from(blue).toString('base64')
    const path = await lines('rows.jsonl', [
      {
        id: 'a',
        problem: '<image><image>?',
        answer: 4,
        images: ['pictures/red.png', `data:image/png;base64,${base64}`],
      },
      { problem: '<image>?', answer: '5', images: base64, family: 'bars', steps: 2 },
      { problem: '?', answer: '6', solution: 's' },
    ])
    expect((await loaded(path)).rows).toEqual([
      { id: 'a', problem: '<image><image>?', answer: '4', images: [red, blue], extra: {} },
      { id: 'rows.jsonl#1', problem: '<image>?', answer: '5', images: [blue], extra: { family: 'bars', steps: 2 } },
      { id: 'rows.jsonl#2', problem: '?', answer: '6', images: [], solution: 's', extra: {} },
    ])
  })

  it('needs no answer where none is used', async () => {
    const path = await lines('score.jsonl', [{ id: 's', problem: 'x?', response: 'r' }])
    expect((await loaded(path, { answers: 'optional' })).rows[0]).toMatchObject({
      answer: '',
      extra: { response: 'r' },
    })
    expect(await refusal(path)).toMatch(/^Row 0 of .* has an answer that is empty/)
  })

  it('names the line that is no JSON object, the picture that is not there, and an id that comes twice', async () => {
    const broken = join(folder, 'broken.jsonl')
    await writeFile(broken, '{"problem": "a", "answer": "1"}\n\n{"problem": \n')
    expect(await refusal(broken)).toBe(`In ${broken}, line 3 is not JSON; write one object per line.`)
    await writeFile(broken, '[1]')
    expect(await refusal(broken)).toContain('line 1 is not a JSON object')
    const lost = await lines('lost.jsonl', [{ problem: '<image>', answer: '1', images: ['gone.png'] }])
    expect(await refusal(lost)).toContain(`names the picture ${join(folder, 'gone.png')}, which cannot be read`)
    const odd = await lines('odd.jsonl', [{ problem: '<image>', answer: '1', images: [7] }])
    expect(await refusal(odd)).toContain('neither bytes, {bytes, path}, a path nor a data URL')
    const twice = await lines(
      'twice.jsonl',
      [0, 1].map(() => ({ id: 'a', problem: 'x', answer: '1' })),
    )
    expect(await refusal(twice)).toContain('two rows with the id "a"')
  })
})
