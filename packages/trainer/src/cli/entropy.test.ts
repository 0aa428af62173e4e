import { either as E } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence, type TrainError } from '../errors.ts'
import { attempt, type Take } from '../effect.ts'
import { entropyLines, fileEntropies, type EntropyResult } from './featureEntropies.ts'
import { linesOf, writeLines } from './lines.ts'

const cross = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
]

const chunksOf = async function* <A>(chunks: ReadonlyArray<A>): AsyncGenerator<A> {
  yield* chunks
}
const collected = async (lines: AsyncIterable<string>): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for await (const line of lines) found.push(line)
  return found
}

/** The results of `durian entropy` over lines. */
const entropiesOf = (
  lines: ReadonlyArray<string>,
  options: Parameters<typeof entropyLines>[2] = { onError: 'fail' },
): Promise<E.Either<string, ReadonlyArray<EntropyResult>>> =>
  attempt(async (take: Take<TrainError>) => collected(entropyLines(chunksOf(lines), take, options)))().then((result) =>
    pipe(
      result,
      E.mapLeft(sentence),
      E.map((found) => found.map((line) => JSON.parse(line) as EntropyResult)),
    ),
  )

describe('durian entropy < features.jsonl', () => {
  it('prints entropy, patches and dim a line, in order', async () => {
    const lines = [
      {
        id: 'flat',
        features: [
          [3, 3],
          [3, 3],
          [3, 3],
        ],
      },
      { id: 'cross', features: cross },
    ].map((row) => JSON.stringify(row))
    const result = await entropiesOf(lines)
    if (E.isLeft(result)) throw new Error(result.left)
    const [flat, other] = result.right
    expect(flat).toEqual({ id: 'flat', entropy: 0, patches: 3, dim: 2 })
    expect(other).toEqual({ id: 'cross', entropy: expect.closeTo(Math.LN2, 14) as number, patches: 4, dim: 2 })
  })

  it('names the line of a ragged matrix', async () => {
    expect(await entropiesOf(['{"id":"a","features":[[1],[1,2]]}'])).toEqual(
      E.left('Standard input, line 1: features: row 1 has 2 numbers, row 0 has 1.'),
    )
  })

  it('prints a line before the next is read', async () => {
    const read: Array<number> = []
    const lines = async function* (): AsyncGenerator<string> {
      for (const id of [1, 2, 3]) {
        read.push(id)
        yield JSON.stringify({ id: String(id), features: cross })
      }
    }
    await attempt(async (take) => {
      for await (const line of entropyLines(lines(), take, { onError: 'fail' })) {
        expect(JSON.parse(line)).toMatchObject({ id: String(read.length) })
      }
    })()
    expect(read).toEqual([1, 2, 3])
  })

  it('leaves bad rows out and counts them with --on_error skip', async () => {
    const said: Array<string> = []
    const lines = [
      '{"id":"a","features":[[1],[2],[4]]}',
      'oops',
      '{"id":"b","features":[[1e999]]}',
      '{"id":"a","features":[[1]]}',
    ]
    const result = await entropiesOf(lines, { onError: 'skip', say: (sentence) => said.push(sentence) })
    expect(E.isRight(result) && result.right.map(({ id }) => id)).toEqual(['a'])
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(
      /^Skipped 3 of 4 rows: 1 not JSON, 1 with a wrong or missing field, 1 with the id of an earlier line\. The first: Standard input, line 2: it is not JSON/,
    )
  })
})

describe('durian entropy --features', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'durian-entropy-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** A safetensors file of one float32 tensor. */
  const file = async (name: string, shape: ReadonlyArray<number>, values: ReadonlyArray<number>): Promise<string> => {
    const entry = { dtype: 'F32', shape, data_offsets: [0, 4 * values.length] }
    const header = Buffer.from(JSON.stringify({ [name]: entry }))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    const path = join(folder, `${name}.safetensors`)
    await writeFile(path, Buffer.concat([length, header, Buffer.from(Float32Array.from(values).buffer)]))
    return path
  }

  it('reads one matrix a picture', async () => {
    expect(await fileEntropies(await file('a', [4, 2], cross.flat()))()).toEqual(
      E.right([{ id: 'a', entropy: expect.closeTo(Math.LN2, 14) as number, patches: 4, dim: 2 }]),
    )
  })

  it('names the tensor that is no matrix or not finite, and the missing file', async () => {
    const messageOf = async (path: string): Promise<string> => {
      const result = await fileEntropies(path)()
      return E.isLeft(result) ? sentence(result.left) : 'fine'
    }
    expect(await messageOf(await file('vector', [2], [1, 2]))).toMatch(/tensor 'vector' has shape \[2\]/)
    expect(await messageOf(await file('odd', [2, 1], [1, NaN]))).toMatch(/entry 1 of tensor 'odd' is NaN/)
    expect(await messageOf(join(folder, 'none.safetensors'))).toMatch(/no such file/)
  })
})

describe('linesOf', () => {
  it('splits at line feeds only, wherever chunks end, and keeps letters whole', async () => {
    const bytes = new TextEncoder().encode('\uFEFFé\u2028x\r\n\nlast')
    const one = Array.from(bytes, (_, i) => bytes.slice(i, i + 1))
    expect(await collected(linesOf(chunksOf(one)))).toEqual(['é\u2028x', '', 'last'])
    expect(await collected(linesOf(chunksOf([bytes])))).toEqual(['é\u2028x', '', 'last'])
    expect(await collected(linesOf(chunksOf<string>([])))).toEqual([])
    expect(await collected(linesOf(chunksOf(['a\n'])))).toEqual(['a'])
  })
})

describe('writeLines', () => {
  it('writes every line once, also to a slow reader', async () => {
    let text = ''
    const slow = new Writable({
      highWaterMark: 16,
      decodeStrings: false,
      write: (chunk: string, _, done) => {
        text += chunk
        setTimeout(done, 1)
      },
    })
    const lines = Array.from({ length: 3000 }, (_, i) => `line ${i} ${'x'.repeat(60)}`)
    await writeLines(slow, lines)
    await new Promise<void>((resolve) => slow.end(resolve))
    expect(text).toBe(lines.join('\n') + '\n')
  })
})
