import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fixtureDir } from '../policy/testing.ts'
import { runProgram } from './program.ts'

const FIRST = 'model-00001-of-00002.safetensors'

let folder: string
let model: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-broken-'))
  model = join(folder, 'model')
  await cp(fixtureDir, model, { recursive: true })
})
afterEach(async () => {
  process.exitCode = undefined
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

/** What `durian <argv>` prints and says, and its exit code. */
const durian = async (...argv: ReadonlyArray<string>) => {
  const out = { printed: '', said: '' }
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out.printed += String(text)), true))
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((out.said += String(text)), true))
  const code = (await runProgram(argv)) ?? process.exitCode
  process.exitCode = undefined
  return { ...out, code }
}

const edit = async (name: string, change: (json: Record<string, unknown>) => object): Promise<void> => {
  const path = join(model, name)
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>)))
}

/** Changes a shard's header and leaves its data; the length of the JSON stays, padded with spaces. */
const editHeader = async (change: (header: string) => string): Promise<void> => {
  const bytes = await readFile(join(model, FIRST))
  const length = Number(bytes.readBigUInt64LE(0))
  const header = change(bytes.subarray(8, 8 + length).toString()).padEnd(length)
  bytes.write(header, 8)
  await writeFile(join(model, FIRST), bytes)
}

/** A whole PNG of 100 megapixels, 1 bit each: 12 kB. */
const hugePng = (): Buffer => {
  const table = Array.from({ length: 256 }, (_, n) => {
    let c = n
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    return c >>> 0
  })
  const chunk = (kind: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(kind), data])
    let sum = 0xffffffff
    for (const byte of body) sum = table[(sum ^ byte) & 255]! ^ (sum >>> 8)
    const frame = Buffer.alloc(8)
    frame.writeUInt32BE(data.length, 0)
    frame.writeUInt32BE(~sum >>> 0, 4)
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(10_000, 0)
  header.writeUInt32BE(10_000, 4)
  header.set([1, 0, 0, 0, 0], 8)
  const rows = deflateSync(Buffer.alloc(10_000 * 1251))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))])
}

type Row = Readonly<Record<string, unknown>>
const good: Row = { id: 'good', problem: 'a', images: [], response: 'b', answer: '1' }

interface Case {
  readonly name: string
  readonly breaks?: () => Promise<unknown>
  readonly row?: Row
  readonly said: RegExp
}

const cases: ReadonlyArray<Case> = [
  {
    name: 'a truncated shard',
    breaks: () => truncate(join(model, FIRST), 300_000),
    said: /model-00001-of-00002\.safetensors: tensor '.+' ends at byte \d+ of \d+: the file is cut short, download it again\./,
  },
  {
    name: 'a shard that is a pointer of git-lfs',
    breaks: () => writeFile(join(model, FIRST), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'),
    said: /00001-of-00002\.safetensors: its header claims \d+ bytes of \d+: it is cut short or no safetensors file\./,
  },
  {
    name: 'a missing shard',
    breaks: () => rm(join(model, FIRST)),
    said: /model-00001-of-00002\.safetensors: there is no such file\./,
  },
  {
    name: 'weights in another format',
    breaks: () =>
      Promise.all(
        [FIRST, 'model-00002-of-00002.safetensors', 'model.safetensors.index.json'].map((file) =>
          rm(join(model, file)),
        ),
      ),
    said: /model: it holds neither model\.safetensors nor model\.safetensors\.index\.json; weights in other formats/,
  },
  {
    name: 'a weight of whole numbers',
    breaks: () => editHeader((header) => header.replace('"dtype":"F32"', '"dtype":"I32"')),
    said: /00001-of-00002\.safetensors: weight '.+' has dtype I32; F32, F16 and BF16 can be read, quantised checkpoints cannot\./,
  },
  {
    name: 'tensors that share bytes',
    breaks: () =>
      editHeader((header) =>
        header.replace(/"data_offsets":\[0,(\d+)\]/, (_, end) => `"data_offsets":[4,${Number(end) + 4}]`),
      ),
    said: /bytes 0 to 4, before tensor '.+', belong to no tensor\.|inside the tensor before it\./,
  },
  {
    name: 'a shard outside the folder',
    breaks: () =>
      edit('model.safetensors.index.json', () => ({ weight_map: { 'lm_head.weight': '../x.safetensors' } })),
    said: /index\.json: "\.\.\/x\.safetensors" is no shard name; shards lie in the same folder/,
  },
  {
    name: 'a missing weight',
    breaks: () => editHeader((header) => header.replace('lm_head.weight', 'my_head.weight')),
    said: /model: weight 'lm_head\.weight' is missing from its safetensors files\./,
  },
  {
    name: 'another architecture',
    breaks: () => edit('config.json', (json) => ({ ...json, model_type: 'qwen2_vl' })),
    said: /config\.json: model_type: "qwen2_vl" is not supported; the policy is Qwen2\.5-VL of any size/,
  },
  {
    name: 'sizes other than those of the weights',
    breaks: () => edit('config.json', (json) => ({ ...json, intermediate_size: 97 })),
    said: /weight 'model\.layers\.0\.mlp\.gate_proj\.weight' has shape \[96, 64\], config\.json asks for \[97, 64\]\./,
  },
  {
    name: 'a tokenizer without the vision tokens',
    breaks: () =>
      edit('tokenizer.json', (json) => ({ ...json, added_tokens: (json['added_tokens'] as unknown[]).slice(0, 9) })),
    said: /tokenizer\.json: it has no special token 470, the image_token_id of config\.json; take the tokenizer that belongs/,
  },
  {
    name: 'a folder without a tokenizer',
    breaks: () => rm(join(model, 'tokenizer.json')),
    said: /model: it has no tokenizer\.json; transformers writes one: /,
  },
  {
    name: 'bytes that are no picture',
    breaks: () => writeFile(join(folder, 'noise.png'), 'no picture'),
    row: { ...good, id: 'q', images: ['noise.png'], problem: '<image>?' },
    said: /Row 'q': image 1: it is no PNG, JPEG, WebP or GIF, or is damaged\./,
  },
  {
    name: 'a picture of 100 megapixels',
    breaks: () => writeFile(join(folder, 'huge.png'), hugePng()),
    row: { ...good, id: 'q', images: ['huge.png'], problem: '<image>?' },
    said: /Row 'q': image 1: its 10000 x 10000 pixels are more than 89478485; make it smaller\./,
  },
  {
    name: 'a picture 300 times as long as wide',
    breaks: () => writeFile(join(folder, 'wide.png'), longPng()),
    row: { ...good, id: 'q', images: ['wide.png'], problem: '<image>?' },
    said: /Row 'q': image 1: its 300 x 1 pixels are more than 200 times as long as wide\./,
  },
  {
    name: 'a row without a placeholder for its picture',
    row: { ...good, images: ['model/images/0.png'] },
    said: /Row 1 of .*rows\.jsonl has 1 picture and 0 <image> marks; write one <image> per picture into its problem\./,
  },
  {
    name: 'two placeholders and one picture',
    row: { ...good, images: ['model/images/0.png'], problem: '<image> and <image>' },
    said: /Row 1 of .*rows\.jsonl has 1 picture and 2 <image> marks/,
  },
  {
    name: 'an image token written out in the text',
    row: { ...good, id: 'q', problem: 'a <|image_pad|>' },
    said: /Row 'q': the chat template made 1 image tokens for 0 images; the problem's text may hold one itself\./,
  },
]

const longPng = (): Buffer =>
  // 300 x 1 black pixels of 1 bit
  Buffer.from('iVBORw0KGgoAAAANSUhEUgAAASwAAAABAQAAAABMQ66EAAAADElEQVR4nGNgIAoAAAAnAAHKRxGqAAAAAElFTkSuQmCC', 'base64')

describe.each(['generate', 'train'] as const)(
  'durian %s refuses, in one sentence with exit code 2 and nothing printed,',
  (command) => {
    it.each(cases)('$name', async ({ breaks, row, said }) => {
      await breaks?.()
      const data = join(folder, 'rows.jsonl')
      const rows = row === undefined ? [good] : [{ ...good, id: 'first' }, row]
      await writeFile(data, rows.map((one) => `${JSON.stringify(one)}\n`).join(''))
      const run = join(folder, 'run')
      const result = await (command === 'train'
        ? durian('train', `model_name_or_path=${model}`, `dataset=${data}`, `output_dir=${run}`, 'backend=wasm')
        : durian(command, '--model', model, '--data', data, '--backend', 'wasm'))
      expect(result.said).toMatch(said)
      expect(result.said.trim().split('\n')).toHaveLength(1)
      expect(result.said).not.toMatch(/Error|undefined/)
      expect(result).toMatchObject({ code: 2, printed: '' })
      expect(existsSync(run)).toBe(false)
    })
  },
)
