import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { either as E } from 'fp-ts'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { fixtureDir, pictures, right, rows } from '../policy/testing.ts'
import { chatTemplate, formatPrompt } from './chatTemplate.ts'
import { encodePrompt } from './encodePrompt.ts'
import { loadProcessor, type Processor } from './loadProcessor.ts'
import { ropePositions } from './positions.ts'

let processor: Processor
beforeAll(async () => {
  processor = right(await loadProcessor(fixtureDir)())
})
const picture = pictures(rows[0]!)[0]!

describe('loadProcessor', () => {
  it('knows the special tokens: end tokens of generation_config.json, vision tokens by name and by config.json', () => {
    expect(processor.tokens).toEqual({
      imageToken: 470,
      vision: [467, 468, 469, 470, 471],
      end: [460, 458],
      endOfTurn: 460,
      vocabSize: 480,
    })
  })

  it('property: decoding gives back any text that was encoded, in normal form C', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(processor.tokenizer.decode(processor.tokenizer.encode(text))).toBe(text.normalize('NFC'))
      }),
      { seed: 6, numRuns: 200 },
    )
  })

  describe('of a folder that is written otherwise', () => {
    let dir: string
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'durian-processor-'))
      await cp(fixtureDir, dir, { recursive: true })
    })
    afterEach(() => rm(dir, { recursive: true }))
    const edit = async (name: string, change: (json: Record<string, unknown>) => object): Promise<void> => {
      const path = join(dir, name)
      const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
      await writeFile(path, JSON.stringify(change(json)))
    }
    const complaint = async (): Promise<string> => {
      const result = await loadProcessor(dir)()
      return E.isLeft(result) ? sentence(result.left) : 'fine'
    }

    it('takes the template of chat_template.jinja before that of chat_template.json before that of tokenizer_config.json', async () => {
      expect(right(await loadProcessor(dir)()).chat('hi')).toBe(processor.chat('hi'))
      await writeFile(join(dir, 'chat_template.json'), JSON.stringify({ chat_template: 'json' }))
      expect(right(await loadProcessor(dir)()).chat('hi')).toBe('json')
      await writeFile(join(dir, 'chat_template.jinja'), 'jinja')
      expect(right(await loadProcessor(dir)()).chat('hi')).toBe('jinja')
    })

    it('takes the template named default of a list, and says where it looked for one', async () => {
      const list = [
        { name: 'tools', template: 't' },
        { name: 'default', template: 'd' },
      ]
      await edit('tokenizer_config.json', (config) => ({ ...config, chat_template: list }))
      expect(right(await loadProcessor(dir)()).chat('hi')).toBe('d')
      await edit('tokenizer_config.json', (config) => ({ ...config, chat_template: undefined }))
      expect(await complaint()).toContain(`${dir}: no chat template in chat_template.jinja`)
      await writeFile(join(dir, 'chat_template.jinja'), '{% if %}')
      expect(await complaint()).toContain(join(dir, 'chat_template.jinja'))
    })

    it('reads pixel limits from preprocessor_config.json and, where transformers 5 left none, from processor_config.json', async () => {
      await edit('preprocessor_config.json', () => ({ size: { shortest_edge: 784, longest_edge: 1568 } }))
      expect(right(await loadProcessor(dir)()).image).toMatchObject({ minPixels: 784, maxPixels: 1568 })
      await rm(join(dir, 'preprocessor_config.json'))
      expect(await complaint()).toBe(`${join(dir, 'preprocessor_config.json')}: there is no such file.`)
      const nested = { image_processor: { min_pixels: 28, max_pixels: 56, patch_size: 14 } }
      await writeFile(join(dir, 'processor_config.json'), JSON.stringify(nested))
      expect(right(await loadProcessor(dir)()).image).toMatchObject({ minPixels: 28, maxPixels: 56 })
      await edit('processor_config.json', () => ({ image_processor: { patch_size: 16 } }))
      expect(await complaint()).toContain(
        'processor_config.json: patch_size is 16, vision_config in config.json has 14',
      )
    })

    it('refuses a tokenizer without the vision tokens of config.json', async () => {
      await edit('tokenizer.json', (json) => ({
        ...json,
        added_tokens: (json.added_tokens as Array<{ content: string }>).filter(
          ({ content }) => content !== '<|image_pad|>',
        ),
      }))
      await edit('tokenizer_config.json', (json) => ({ ...json, added_tokens_decoder: {} }))
      expect(await complaint()).toBe(
        `${join(dir, 'tokenizer.json')}: it has no special token 470, the image_token_id of config.json; take the tokenizer that belongs to the model.`,
      )
    })
  })
})

describe('encodePrompt', () => {
  const complaint = async (problem: string, images: ReadonlyArray<Uint8Array>): Promise<string> => {
    const result = await encodePrompt(processor)({ id: 'row 7', problem, images })()
    return E.isLeft(result) ? sentence(result.left) : 'fine'
  }

  it('names the row whose images and placeholders disagree', async () => {
    expect(await complaint('<image>a', [])).toBe(
      "Row 'row 7': it has 0 images and 1 <image> placeholders; put one in the problem for each image.",
    )
    expect(await complaint('a', [picture])).toContain("Row 'row 7': it has 1 images and 0 <image>")
  })

  it('names the row and image that cannot be decoded', async () => {
    expect(await complaint('<image> <image>', [picture, new Uint8Array([1])])).toContain(
      "Row 'row 7': image 2: it is no PNG, JPEG, WebP or GIF",
    )
  })

  it('refuses an image token that the text smuggles in', async () => {
    expect(await complaint('<image> <|image_pad|>', [picture])).toContain(
      "Row 'row 7': the chat template made 2 image tokens for 1 images",
    )
  })

  it('refuses a token that the policy has no embedding for', async () => {
    const small = { ...processor, tokens: { ...processor.tokens, vocabSize: 471 } }
    const result = await encodePrompt({ ...small, chat: () => '<|video_pad|>a' })({
      id: 'v',
      problem: 'a',
      images: [],
    })()
    expect(E.isLeft(result) && sentence(result.left)).toContain(
      "Row 'v': token 471 is outside the policy's vocabulary of 471",
    )
  })

  it('says of a row which the template refuses why', async () => {
    const strict = { ...processor, chat: chatTemplate("{{ raise_exception('no questions') }}", {}) }
    const result = await encodePrompt(strict)({ id: 'r', problem: 'a', images: [] })()
    expect(E.isLeft(result) && sentence(result.left)).toContain("Row 'r': the chat template refuses it")
    expect(E.isLeft(result) && sentence(result.left)).toContain('no questions')
  })

  it('refuses a prompt that ends with an image', async () => {
    const bare = { ...processor, chat: () => 'see <|image_pad|>' }
    const result = await encodePrompt(bare)({ id: 'r', problem: '<image>', images: [picture] })()
    expect(E.isLeft(result) && sentence(result.left)).toContain('ends with an image')
  })
})

describe('chatTemplate', () => {
  it('puts text and pictures in the order of the problem', () => {
    const template = chatTemplate(
      '{% for part in messages[0].content %}[{{ part.type }}:{{ part.text }}]{% endfor %}{{ eos_token }}{% if add_generation_prompt %}>{% endif %}',
      { eos_token: '<e>' },
    )
    expect(template('a <image><image> b')).toBe('[text:a ][image:][image:][text: b]<e>>')
  })

  it("renders EasyR1's format prompts", () => {
    expect(formatPrompt('{{ content | trim }} Put it in \\boxed{}.\n')(' x ')).toBe('x Put it in \\boxed{}.')
  })
})

describe('ropePositions', () => {
  const options = { imageToken: 9, mergeSize: 2 }
  const image = (h: number, w: number) => ({ grid: [1, h, w] as const, pixels: new Float32Array(0) })

  it('spreads a picture over rows and columns and goes on behind its longer edge', () => {
    const { positions, nextPosition } = ropePositions([5, 9, 9, 9, 9, 9, 9, 5], [image(4, 6)], options)
    expect(positions.map((axis) => [...axis])).toEqual([
      [0, 1, 1, 1, 1, 1, 1, 4],
      [0, 1, 1, 1, 2, 2, 2, 4],
      [0, 1, 2, 3, 1, 2, 3, 4],
    ])
    expect(nextPosition).toBe(5)
  })

  it('property: text alone counts up on every axis, and positions never fall behind the first of a picture', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (words, h, w) => {
          const text = new Array<number>(words).fill(5)
          const { positions, nextPosition } = ropePositions(text, [], options)
          expect(positions.every((axis) => axis.every((position, i) => position === i))).toBe(true)
          expect(nextPosition).toBe(words)
          const both = ropePositions([...text, ...new Array<number>(h * w).fill(9)], [image(2 * h, 2 * w)], options)
          expect(both.nextPosition).toBe(words + Math.max(h, w))
          expect(
            both.positions.every((axis) => axis.subarray(words).every((p) => p >= words && p < both.nextPosition)),
          ).toBe(true)
        },
      ),
      { seed: 8, numRuns: 100 },
    )
  })
})
