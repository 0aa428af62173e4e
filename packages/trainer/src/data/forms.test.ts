import { either as E } from 'fp-ts'
import { readFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { formatPrompt } from '../processor/chatTemplate.ts'
import { demoModel, value } from '../train/testing.ts'
import { loadDataset, type DatasetOptions } from './dataset.ts'
import { leftOutLines } from './leftOut.ts'
import { promptLength } from './promptLength.ts'
import { usableRows, type UsableOptions } from './usableRows.ts'
import type { Row } from './types.ts'

const goldens = fileURLToPath(new URL('../../goldens/parquet/', import.meta.url))
const tinyModel = fileURLToPath(new URL('../../fixtures/qwen2_5_vl_tiny/', import.meta.url))
const colours: Uint8Array[] = []
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-forms-'))
  for (const colour of ['red', 'lime', 'blue'])
    colours.push(new Uint8Array(await readFile(join(goldens, 'pictures', `${colour}.png`))))
})
afterAll(() => rm(folder, { recursive: true }))

const rowsOf = async (path: string, options: DatasetOptions = {}): Promise<ReadonlyArray<Row>> =>
  (await value(loadDataset(path, options))).rows
const refusal = async (path: string, options: DatasetOptions = {}): Promise<string> => {
  const result = await loadDataset(path, options)()
  if (E.isRight(result)) throw new Error('was accepted')
  return sentence(result.left)
}
const jsonl = async (name: string, records: ReadonlyArray<unknown>): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, records.map((record) => JSON.stringify(record)).join('\n'))
  return path
}

/** Row i of every file that goldens/parquet.py writes. */
const expectTwelve = (rows: ReadonlyArray<Row>): void => {
  expect(rows.map(({ problem }) => problem)).toEqual(rows.map((_, i) => `<image>How many, case ${i % 2}?`))
  expect(rows.map(({ answer }) => answer)).toEqual(Array.from({ length: 12 }, (_, i) => String(i)))
  rows.forEach(({ images }, i) => {
    expect(images).toHaveLength(1)
    expect(Buffer.from(images[0]!).equals(colours[i % 3]!)).toBe(true)
  })
}

describe('what others write', () => {
  it.each([
    'none.parquet',
    'snappy.parquet',
    'gzip.parquet',
    'zstd.parquet',
    'brotli.parquet',
    'lz4.parquet',
    'dictionary.parquet',
    'large.parquet',
    'delta.parquet',
    'datasets.parquet',
    'trl_text.parquet',
    'trl_conversation.parquet',
    'paths.jsonl',
    'base64.jsonl',
    'openai.jsonl',
  ])('golden: %s of pyarrow 26 and datasets 5 has its twelve rows', async (name) => {
    expectTwelve(await rowsOf(join(goldens, name)))
  })
})

describe('a conversation', () => {
  const model = { role: 'assistant', content: 'Which one?' }

  it('keeps its messages where they say more than one question', async () => {
    const [first] = await rowsOf(join(goldens, 'openai.jsonl'))
    expect(first!.messages).toEqual([
      { role: 'system', content: 'Count.' },
      { role: 'user', content: '<image>How many, case 0?' },
    ])
    const path = await jsonl('turns.jsonl', [
      { prompt: [{ role: 'user', content: 'x?' }, model, { role: 'user', content: 'y?' }], answer: '1' },
      { prompt: [{ role: 'user', content: 'x?' }], answer: '1' },
    ])
    const [turns, one] = await rowsOf(path)
    expect(turns!.problem).toBe('x?\n\nWhich one?\n\ny?')
    expect(turns!.messages).toHaveLength(3)
    expect(one).not.toHaveProperty('messages')
  })

  it('puts pictures that it names no place for before the first words of the user, as TRL does; a problem may not', async () => {
    const images = [join(goldens, 'pictures', 'red.png'), join(goldens, 'pictures', 'blue.png')]
    const prompt = [{ role: 'system', content: 's' }, { role: 'user', content: 'x?' }] // prettier-ignore
    const [row] = await rowsOf(await jsonl('first.jsonl', [{ prompt, images, answer: '1' }]))
    expect(row!.messages![1]!.content).toBe('<image><image>x?')
    expect(await refusal(await jsonl('problem.jsonl', [{ problem: 'x?', images, answer: '1' }]))).toContain(
      'has 2 pictures and 0 <image> marks; write one <image> per picture into its problem',
    )
  })

  it.each([
    [
      [{ role: 'robot', content: 'x' }],
      'has a message that is not {role, content} with role system, user or assistant',
    ],
    [[{ role: 'user', content: 'x' }, model], "ends with the assistant; end it with the user's message"],
    [[], "ends with nothing; end it with the user's message"],
    [[{ role: 'user', content: [{ type: 'video', video: 'a.mp4' }] }], 'has a video part in its conversation'],
    [[{ role: 'user', content: null }], 'has a text part in its conversation that cannot be read'],
    [[{ role: 'user', content: [{ type: 'image' }] }], 'has 0 pictures and 1 <image> mark'],
    [[{ role: 'user', content: [{ type: 'image', image: 'https://x.org/a.png' }] }], 'picture on the web (https://x.org/a.png); download it'], // prettier-ignore
  ])('refuses %j', async (prompt, reason) => {
    expect(await refusal(await jsonl('bad.jsonl', [{ prompt, answer: '1' }]))).toContain(reason)
  })
})

describe('columns and prompts of the configuration', () => {
  it('are taken by name', async () => {
    const path = await jsonl('named.jsonl', [{ question: '<image>?', gold: 'so \\boxed{3}', pic: join(goldens, 'pictures/red.png'), problem: 'p', key: 'k' }]) // prettier-ignore
    const columns = { prompt: 'question', answer: 'gold', images: 'pic', id: 'key' }
    expect(await rowsOf(path, { columns })).toEqual([
      { id: 'k', problem: '<image>?', answer: '3', images: [colours[0]], extra: { problem: 'p' } },
    ])
  })

  it('add a system message where there is none, and format the last question', async () => {
    const options = { systemPrompt: 'Be brief.', formatPrompt: formatPrompt('{{ content | trim }} Think first.\n') }
    const [row] = await rowsOf(join(goldens, 'paths.jsonl'), options)
    expect(row!.problem).toBe('<image>How many, case 0?')
    expect(row!.messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '<image>How many, case 0? Think first.' },
    ])
    const [own] = await rowsOf(join(goldens, 'openai.jsonl'), options)
    expect(own!.messages![0]).toEqual({ role: 'system', content: 'Count.' })
  })

  it('golden: reach the chat template as Qwen2.5-VL writes a conversation', async () => {
    const processor = await value(loadProcessor(tinyModel))
    const [row] = await rowsOf(join(goldens, 'openai.jsonl'))
    expect((await value(encodePrompt(processor)(row!))).text).toBe(
      '<|im_start|>system\nCount.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>' +
        'How many, case 0?<|im_end|>\n<|im_start|>assistant\n',
    )
  })
})

describe('rows that cannot be used', () => {
  const bad = { problem: 'x?', answer: '' }
  const good = { problem: 'x?', answer: '1' }

  it('are left out and counted only when that is asked for', async () => {
    const path = await jsonl('some.jsonl', [good, bad, { ...good, images: ['no.png'] }, good])
    await writeFile(path, `${await readFile(path, 'utf8')}\n{"problem"\n`)
    expect(await refusal(path)).toMatch(/^Row 1 of .*some\.jsonl has an answer that is empty/)
    const dataset = await value(loadDataset(path, { onBadRow: 'skip' }))
    expect(dataset.rows.map(({ id }) => id)).toEqual(['some.jsonl#0', 'some.jsonl#3'])
    expect(leftOutLines(dataset)).toEqual([
      `Left out of ${path}: 3 rows that cannot be used. The first: Row 1 of ${path} has an answer that is empty; mend column "answer" or leave the row out.`,
    ])
    expect(await refusal(await jsonl('none.jsonl', [bad]), { onBadRow: 'skip' })).toMatch(
      /^Data .*none\.jsonl has no row left: Row 0 of /,
    )
  })
})

describe('usableRows', () => {
  let processor: Processor
  beforeAll(async () => {
    processor = await value(loadProcessor(demoModel))
  })
  const usual: UsableOptions = { maxPromptLength: null, filterOverlongPrompts: false, onBadRow: 'fail', probes: 1 }
  const used = async (rows: ReadonlyArray<Row>, options: Partial<UsableOptions>) =>
    usableRows(processor, { ...usual, ...options })({ rows, source: 'data' })()
  const fault = async (rows: ReadonlyArray<Row>, options: Partial<UsableOptions>): Promise<string> => {
    const result = await used(rows, options)
    return E.isLeft(result) ? sentence(result.left) : 'none'
  }
  const row = (id: string, part: Partial<Row> = {}): Row => ({
    id,
    problem: '<image>Find x.',
    answer: '1',
    images: [colours[0]!],
    extra: {},
    ...part,
  })

  it('measures prompts from headers as encodePrompt makes them', async () => {
    for (const dir of [demoModel, tinyModel]) {
      const own = await value(loadProcessor(dir))
      const rows = [
        row('a'),
        row('b', { problem: 'How many angles?', images: [] }),
        row('c', { problem: '<image> and <image>', images: [colours[1]!, new Uint8Array(await readFile(join(tinyModel, 'images/1.png')))] }), // prettier-ignore
      ]
      for (const one of rows) {
        const { ids } = await value(encodePrompt(own)(one))
        expect(await promptLength(own)(one)).toEqual(E.right(ids.length))
      }
    }
  })

  it('leaves out longer prompts and counts them when asked, else names the first', async () => {
    const short = await promptLength(processor)(row('a'))
    const limit = E.isRight(short) ? short.right : 0
    const rows = [row('a'), row('b', { problem: '<image>Find x x x.' }), row('c')]
    expect(await fault(rows, { maxPromptLength: limit })).toMatch(
      new RegExp(
        `^Row b of data has a prompt of \\d+ tokens; raise max_prompt_length \\(${limit}\\), set filter_overlong`,
      ),
    )
    const filtered = await used(rows, { maxPromptLength: limit, filterOverlongPrompts: true })
    expect(E.isRight(filtered) && filtered.right.rows.map(({ id }) => id)).toEqual(['a', 'c'])
    expect(E.isRight(filtered) && leftOutLines(filtered.right)[0]).toMatch(
      /^Left out of data: 1 row that have prompts longer than max_prompt_length/,
    )
  })

  it('reads every header, and encodes the first rows and those with special tokens whole', async () => {
    const text = new TextEncoder().encode('no picture')
    const cut = colours[0]!.slice(0, colours[0]!.length - 30)
    expect(await fault([row('a'), row('b'), row('c', { images: [text] })], {})).toMatch(
      /^Row 'c': image 1: it is no PNG/,
    )
    expect(await fault([row('a'), row('b', { images: [cut] })], {})).toBe('none')
    expect(await fault([row('a', { images: [cut] })], {})).toMatch(/^Row 'a': image 1: it cannot be decoded/)
    expect(await fault([row('a'), row('b', { problem: '<image><|image_pad|>' })], {})).toMatch(
      /^Row 'b': .*image tokens/,
    )
    const kept = await used([row('a'), row('b', { images: [text] }), row('c', { images: [cut] })], {
      onBadRow: 'skip',
      probes: Infinity,
    })
    expect(E.isRight(kept) && kept.right.rows.map(({ id }) => id)).toEqual(['a'])
    expect(E.isRight(kept) && kept.right.leftOut!.bad!.count).toBe(2)
  })
})
