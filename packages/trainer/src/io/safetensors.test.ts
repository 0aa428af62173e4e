import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import {
  eachTensor,
  floatsOf,
  readSafetensors,
  readTensorEntries,
  wordsOf,
  writeSafetensors,
  writeTensors,
} from './safetensors.ts'
import { decodeHeader } from './safetensorsHeader.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'durian-safetensors-'))
})
afterAll(() => rm(dir, { recursive: true }))

const read = async (path: string) => {
  const result = await readSafetensors(path)()
  return E.isLeft(result) ? sentence(result.left) : result.right
}
/** A file from a header and raw data. */
const file = async (name: string, header: object, data: Uint8Array): Promise<string> => {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true)
  const path = join(dir, name)
  await writeFile(path, Buffer.concat([length, json, data]))
  return path
}

describe('safetensors', () => {
  it('property: reading gives back what was written, names, shapes and bits', async () => {
    const tensor = fc.array(fc.nat({ max: 4 }), { maxLength: 3 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        data: fc.float32Array({
          minLength: shape.reduce((a, b) => a * b, 1),
          maxLength: shape.reduce((a, b) => a * b, 1),
        }),
      }),
    )
    // A header's own key cannot name a tensor, nor can a record hold __proto__.
    const name = fc.string({ minLength: 1 }).filter((text) => text !== '__metadata__' && text !== '__proto__')
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, tensor, { noNullPrototype: true }), async (tensors) => {
        const path = join(dir, 'round.safetensors')
        expect(E.isRight(await writeSafetensors(path, tensors)())).toBe(true)
        expect(await read(path)).toEqual(tensors)
      }),
      { seed: 3, numRuns: 40 },
    )
  })

  it('writes the header that PyTorch loaders expect: format pt, padded to 8 bytes, tensors end to end', async () => {
    const path = join(dir, 'header.safetensors')
    await writeSafetensors(path, { b: { shape: [2], data: [1, 2] }, a: { shape: [], data: [3] } })()
    const bytes = await readFile(path)
    const length = Number(bytes.readBigUInt64LE(0))
    expect(length % 8).toBe(0)
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
      __metadata__: { format: 'pt' },
      a: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] },
    })
    expect(bytes.length).toBe(8 + length + 12)
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('widens 16-bit floats exactly, subnormal, infinite and NaN ones too', async () => {
    // 1, -2.5, smallest subnormal, largest, infinity, NaN in half; 1, -2.5, 2^-133 (subnormal), infinity in bfloat16
    const halves = new Uint16Array([0x3c00, 0xc100, 0x0001, 0x7bff, 0x7c00, 0x7e00])
    const brains = new Uint16Array([0x3f80, 0xc020, 0x0001, 0x7f80])
    const data = Buffer.concat([Buffer.from(halves.buffer), Buffer.from(brains.buffer)])
    const path = await file(
      'halves.safetensors',
      {
        h: { dtype: 'F16', shape: [6], data_offsets: [0, 12] },
        b: { dtype: 'BF16', shape: [4], data_offsets: [12, 20] },
      },
      data,
    )
    expect(await read(path)).toEqual({
      h: { shape: [6], data: new Float32Array([1, -2.5, 2 ** -24, 65504, Infinity, NaN]) },
      b: { shape: [4], data: new Float32Array([1, -2.5, 2 ** -133, Infinity]) },
    })
  })

  it('says of a broken file what is wrong, in one sentence with its name', async () => {
    const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }
    const eight = new Uint8Array(8)
    const cases: ReadonlyArray<readonly [object, Uint8Array, string]> = [
      [{ x: entry }, eight.subarray(0, 5), "tensor 'x' ends at byte 8 of 5: the file is cut short"],
      [{ x: { ...entry, dtype: 'I32' } }, eight, `tensor 'x' has dtype "I32"; F32, F16 and BF16 can be read`],
      [{ x: { ...entry, dtype: 'F5' } }, eight, `tensor 'x' has dtype "F5", which is none of the format`],
      [{ x: entry, y: { ...entry, data_offsets: [4, 12] } }, new Uint8Array(12), "'y' begins at byte 4, inside"],
      [{ x: { ...entry, data_offsets: [8, 16] } }, new Uint8Array(16), "bytes 0 to 8, before tensor 'x', belong to no"],
      [{ x: entry }, new Uint8Array(9), 'it holds 1 bytes behind its last tensor'],
      [{ x: { ...entry, shape: [3] } }, eight, "tensor 'x' has 8 bytes, its shape [3] needs 12"],
      [{ x: { ...entry, shape: [-2] } }, eight, "tensor 'x' has no valid shape"],
      [{ x: { ...entry, data_offsets: [8, 0] } }, eight, "tensor 'x' has -8 bytes"],
      [{ x: 1 }, eight, "tensor 'x' has no description"],
      [[], eight, 'its header is not a JSON object'],
    ]
    for (const [header, data, reason] of cases) {
      const path = await file('broken.safetensors', header, data)
      const message = await read(path)
      expect(message).toContain(`${path}: `)
      expect(message).toContain(reason)
    }
    expect(await read(dir)).toContain('it is a folder')
    await writeFile(join(dir, 'short'), 'abc')
    expect(await read(join(dir, 'short'))).toContain('it has 3 bytes and no safetensors header')
    await writeFile(join(dir, 'noise'), 'version https://git-lfs.github.com/spec/v1')
    expect(await read(join(dir, 'noise'))).toContain('it is cut short or no safetensors file')
    expect(await read(join(dir, 'absent'))).toContain('there is no such file')
  })

  it('hands over one tensor at a time in its own bits, and reads on only when that is done with', async () => {
    const path = join(dir, 'each.safetensors')
    const words = Uint16Array.of(0x3f80, 0xc020, 0x7f80)
    const stored = { shape: [3], bytes: () => new Uint8Array(words.buffer) }
    const written = await writeTensors(path, [
      { name: 'b', dtype: 'BF16', ...stored },
      { name: 'a', dtype: 'F16', ...stored },
      { name: 'c', dtype: 'F32', shape: [1], bytes: () => Promise.resolve(new Uint8Array([0, 0, 0x80, 0x3f])) },
    ])()
    expect(E.isRight(written)).toBe(true)
    const seen: Array<string> = []
    const visit = async (tensor: Parameters<Parameters<typeof eachTensor>[1]['visit']>[0]) => {
      seen.push(`${tensor.name} begins`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (tensor.name !== 'c') expect([...wordsOf(tensor)]).toEqual([...words])
      seen.push(`${tensor.name} ${tensor.dtype} ${[...floatsOf(tensor)].join(' ')}`)
    }
    expect(E.isRight(await eachTensor(path, { visit })())).toBe(true)
    expect(seen).toEqual([
      'b begins',
      'b BF16 1 -2.5 Infinity',
      'a begins',
      'a F16 1.875 -2.0625 NaN',
      'c begins',
      'c F32 1',
    ])
    const entries = await readTensorEntries(path)()
    expect(E.isRight(entries) && [...entries.right].map(([name, { dtype }]) => name + dtype)).toEqual([
      'bBF16',
      'aF16',
      'cF32',
    ])
  })

  it('does not mind a tensor of whole numbers that nobody asks for', async () => {
    const path = await file(
      'ids.safetensors',
      {
        ids: { dtype: 'I64', shape: [1], data_offsets: [0, 8] },
        x: { dtype: 'F32', shape: [1], data_offsets: [8, 12] },
      },
      new Uint8Array(12),
    )
    const result = await readSafetensors(path, (name) => name === 'x')()
    expect(result).toEqual(E.right({ x: { shape: [1], data: new Float32Array(1) } }))
  })

  it('leaves nothing behind when the file cannot be written', async () => {
    const result = await writeSafetensors(join(dir, 'no', 'such', 'folder.safetensors'), {})()
    expect(result).toMatchObject(E.left({ _tag: 'RunFailed' }))
  })

  it('does not take a number beyond the data for an offset', () => {
    const header = { x: { dtype: 'F32', shape: [1], data_offsets: [2 ** 40, 2 ** 40 + 4] } }
    expect(decodeHeader(header, 100)).toMatchObject({ _tag: 'Left' })
  })
})
