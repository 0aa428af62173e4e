import { either as E } from 'fp-ts'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { fileEntropies, runEntropy } from './entropy.ts'
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
    const result = await runEntropy(chunksOf(lines))()
    if (E.isLeft(result)) throw new Error(sentence(result.left))
    const [flat, other] = Array.from(result.right, (line) => JSON.parse(line) as { entropy: number })
    expect(flat).toEqual({ id: 'flat', entropy: 0, patches: 3, dim: 2 })
    expect(other).toEqual({ id: 'cross', entropy: expect.closeTo(Math.LN2, 14) as number, patches: 4, dim: 2 })
  })

  it('names the line of a ragged matrix', async () => {
    const result = await runEntropy(chunksOf(['{"id":"a","features":[[1],[1,2]]}']))()
    expect(E.isLeft(result) && sentence(result.left)).toBe(
      'Standard input, line 1: features: row 1 has 2 numbers, row 0 has 1.',
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
