import { either as E } from 'fp-ts'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { syntheticSample } from '../data/synthetic/index.ts'
import { decodePolicyConfig } from '../policy/config.ts'
import { loadProcessor, type Processor } from '../processor/loadProcessor.ts'
import { hasBoxedFormat } from '../reward/index.ts'
import { demoModelFiles, makeDemoModel } from './makeDemoModel.ts'
import { responseMarks, specialTokens, tokenId, vocabulary } from './vocabulary.ts'

const committed = fileURLToPath(new URL('../../../../models/demo', import.meta.url))
const golden = JSON.parse(readFileSync(new URL('../../goldens/demo_tokenizer.json', import.meta.url), 'utf8')) as {
  readonly cases: ReadonlyArray<{ text: string; ids: ReadonlyArray<number>; decoded: string; plain: string }>
}

const samples = Array.from({ length: 500 }, (_, row) =>
  syntheticSample(
    { seed: 5, stream: 0, row },
    { noise: 0, clutter: 0, families: { bars: 1, count: 1, sides: 1, angle: 1 } },
  ),
)

let folder = ''
let processor: Processor

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-demo-'))
  await writeFile(join(folder, 'model.safetensors'), 'weights')
  await makeDemoModel(folder)
  const loaded = await loadProcessor(folder)()
  if (E.isLeft(loaded)) throw new Error(JSON.stringify(loaded.left))
  processor = loaded.right
})
afterAll(() => rm(folder, { recursive: true }))

describe('makeDemoModel', () => {
  it('writes what is committed, and leaves the weights alone', async () => {
    const names = (await readdir(folder)).filter((name) => name !== 'model.safetensors')
    expect(names.sort()).toEqual(Object.keys(demoModelFiles).sort())
    expect(await readFile(join(folder, 'model.safetensors'), 'utf8')).toBe('weights')
    for (const name of names) {
      expect(await readFile(join(folder, name), 'utf8')).toBe(await readFile(join(committed, name), 'utf8'))
    }
  })

  it('describes a policy that the decoder accepts, with the token ids of the vocabulary', () => {
    const decoded = decodePolicyConfig(JSON.parse(demoModelFiles['config.json']!))
    if (E.isLeft(decoded)) throw new Error(decoded.left)
    const { text, vision, tokens } = decoded.right
    expect(text).toMatchObject({ vocabSize: vocabulary.length, hiddenSize: 64, layers: 3, headDim: 16, tied: true })
    // One window holds a whole picture of 56 pixels, and each block sees all of a bigger one.
    expect(vision).toMatchObject({ patchSize: 7, temporalPatchSize: 1, windowSize: 56, fullAttentionBlocks: [0, 1] })
    expect(tokens).toMatchObject({ image: tokenId('<|image_pad|>'), end: [tokenId('<|im_end|>')] })
  })
})

describe('the demo tokenizer', () => {
  it('has no unused id, no double, and a multiple of 16 tokens', () => {
    expect(vocabulary.length % 16).toBe(0)
    expect(vocabulary.length).toBeLessThanOrEqual(192)
    expect(new Set(vocabulary).size).toBe(vocabulary.length)
    for (const [id, token] of [...specialTokens, ...responseMarks].entries()) {
      expect(processor.tokenizer.idOf(token)).toBe(id)
      expect(processor.tokenizer.encode(token)).toEqual([id])
    }
  })

  it('golden: agrees with the Rust tokenizers 0.23 on ids and decoded text', () => {
    const { encode, decode } = processor.tokenizer
    for (const { text, ids, decoded, plain } of golden.cases) {
      expect({ text, ids: encode(text) }).toEqual({ text, ids })
      expect(decode(ids)).toBe(decoded)
      expect(decode(ids, { skipSpecial: true })).toBe(plain)
    }
  })

  it('spells no word of a question or solution, and gives all of them back', () => {
    const { encode, decode } = processor.tokenizer
    for (const { problem, solution, direct } of samples) {
      for (const text of [problem.replace('<image>', ''), solution, direct]) {
        const ids = encode(text)
        expect(decode(ids)).toBe(text)
        // A letter on its own would be a word that the vocabulary lacks.
        for (const id of ids) expect(vocabulary[id]).not.toMatch(/^[a-zA-ZĠ]$/)
      }
    }
  })

  it('needs at most 27 tokens for a response with its end, and 10 for a question', () => {
    const lengths = (of: (sample: (typeof samples)[number]) => string) =>
      samples.map((sample) => processor.tokenizer.encode(of(sample)).length)
    expect(Math.max(...lengths(({ solution }) => `${solution}<|im_end|>`))).toBe(27)
    expect(Math.max(...lengths(({ problem }) => problem.replace('<image>', '')))).toBe(10)
  })

  it('property: gives back any printable ASCII text, line feeds included', () => {
    const ascii = fc.array(fc.integer({ min: 31, max: 126 }), { minLength: 1 })
    fc.assert(
      fc.property(ascii, (codes) => {
        const text = codes.map((code) => (code === 31 ? '\n' : String.fromCharCode(code))).join('')
        expect(processor.tokenizer.decode(processor.tokenizer.encode(text))).toBe(text)
      }),
      { seed: 1 },
    )
  })

  it('renders a question between five tokens', () => {
    expect(processor.chat('<image>bars: red?')).toBe(
      '<|im_start|><|vision_start|><|image_pad|><|vision_end|>bars: red?<|im_end|><|im_start|>',
    )
  })

  it('makes responses that the format reward accepts', () => {
    for (const { solution, direct } of samples) expect([solution, direct].every(hasBoxedFormat)).toBe(true)
  })
})
