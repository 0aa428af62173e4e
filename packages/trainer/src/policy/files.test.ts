import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { either as E } from 'fp-ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { type NamedTensor, writeSafetensors } from '../io/safetensors.ts'
import { eachWeight, loadPolicy, loadPolicyConfig, loadWeights } from './files.ts'
import { fixtureDir, right } from './testing.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'durian-policy-'))
  await cp(fixtureDir, dir, { recursive: true })
})
afterEach(() => rm(dir, { recursive: true }))

const complaint = async (): Promise<string> => {
  const result = await loadPolicy(dir)()
  return E.isLeft(result) ? sentence(result.left) : 'fine'
}
const editIndex = async (change: (map: Record<string, string>) => void): Promise<void> => {
  const path = join(dir, 'model.safetensors.index.json')
  const index = JSON.parse(await readFile(path, 'utf8')) as { weight_map: Record<string, string> }
  change(index.weight_map)
  await writeFile(path, JSON.stringify(index))
}

describe('loadPolicy', () => {
  it('reads the same weights from shards and from one file, also under the names of transformers 5', async () => {
    const { config, weights } = right(await loadPolicy(dir)())
    const renamed = Object.entries(weights).map(([name, tensor]) => [
      name.replace(/^visual\./, 'model.visual.').replace(/^model\.(?!visual)/, 'model.language_model.'),
      tensor,
    ])
    await rm(join(dir, 'model.safetensors.index.json'))
    right(await writeSafetensors(join(dir, 'model.safetensors'), Object.fromEntries(renamed))())
    expect(right(await loadWeights(dir, config)())).toEqual(weights)
  })

  it('names a missing weight and one of another shape', async () => {
    await writeFile(
      join(dir, 'config.json'),
      (await readFile(join(dir, 'config.json'), 'utf8')).replace('"depth": 4', '"depth": 5'),
    )
    expect(await complaint()).toBe(
      `${dir}: weight 'visual.blocks.4.norm1.weight' is missing from its safetensors files.`,
    )
    await cp(join(fixtureDir, 'config.json'), join(dir, 'config.json'))
    await writeFile(
      join(dir, 'config.json'),
      (await readFile(join(dir, 'config.json'), 'utf8')).replace('"vocab_size": 480', '"vocab_size": 481'),
    )
    expect(await complaint()).toContain(
      "weight 'model.embed_tokens.weight' has shape [480, 64], config.json asks for [481, 64]",
    )
  })

  it('does not follow a shard name out of the folder', async () => {
    await editIndex((map) => (map['model.norm.weight'] = '../model-00001-of-00002.safetensors'))
    expect(await complaint()).toContain('"../model-00001-of-00002.safetensors" is no shard name')
  })

  it('names a missing shard, a missing model and a broken config', async () => {
    await rm(join(dir, 'model-00002-of-00002.safetensors'))
    expect(await complaint()).toBe(`${join(dir, 'model-00002-of-00002.safetensors')}: there is no such file.`)
    await rm(join(dir, 'model.safetensors.index.json'))
    expect(await complaint()).toContain('holds neither model.safetensors nor model.safetensors.index.json')
    await writeFile(join(dir, 'config.json'), '{')
    expect(await complaint()).toContain(`${join(dir, 'config.json')}: it is not valid JSON`)
    await rm(join(dir, 'config.json'))
    const result = await loadPolicyConfig(dir)()
    expect(E.isLeft(result) && sentence(result.left)).toBe(`${join(dir, 'config.json')}: there is no such file.`)
  })

  it('hands over one weight at a time under its Hub name, and none where another is missing', async () => {
    const { config } = right(await loadPolicy(dir)())
    const seen: string[] = []
    const visit = ({ name, dtype }: NamedTensor) => void seen.push(`${name} ${dtype}`)
    const wanted = (name: string) => name.startsWith('visual.merger.')
    right(await eachWeight(dir, config, { wanted, visit })())
    expect(seen.sort()).toEqual([
      'visual.merger.ln_q.weight F32',
      'visual.merger.mlp.0.bias F32',
      'visual.merger.mlp.0.weight F32',
      'visual.merger.mlp.2.bias F32',
      'visual.merger.mlp.2.weight F32',
    ])
    seen.length = 0
    const deeper = { ...config, vision: { ...config.vision, depth: config.vision.depth + 1 } }
    expect(E.isLeft(await eachWeight(dir, deeper, { visit })())).toBe(true)
    expect(seen).toEqual([])
  })

  it('takes each weight from the shard that the index names, though another holds the name too', async () => {
    const { config, weights } = right(await loadPolicy(dir)())
    const name = 'model.norm.weight'
    const other = { shape: [64], data: new Float32Array(64).fill(9) }
    right(await writeSafetensors(join(dir, 'model-00003-of-00003.safetensors'), { [name]: other, b: other })())
    await editIndex((map) => (map['b'] = 'model-00003-of-00003.safetensors'))
    expect(right(await loadWeights(dir, config)())[name]).toEqual(weights[name])
    await editIndex((map) => (map[name] = 'model-00003-of-00003.safetensors'))
    expect(right(await loadWeights(dir, config)())[name]).toEqual(other)
  })
})
