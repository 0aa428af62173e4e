import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { residentWeights, visualEntropy } from '@durian/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { completionBatch, scoreCompletions } from './completions.ts'
import { loadPolicy } from './files.ts'
import { generate } from './generate.ts'
import { freeSampling, maxDifference, onDevice, right, values } from './testing.ts'
import { variantFolder, variantPicture, variantReference, type VariantStyle } from './variants.ts'
import { visionFeatures } from './vision.ts'

const styles: ReadonlyArray<VariantStyle> = [
  { name: 'deep_tied', dtypes: ['BF16'], shards: 1, names: 'transformers 5', template: 'own' },
  { name: 'all_full', dtypes: ['F16'], shards: 3, names: 'hub', template: 'json' },
  { name: 'all_windows', dtypes: ['F32', 'BF16', 'F16'], shards: 2, names: 'hub', template: 'inline' },
]

const TOLERANCE = 1e-4

const opened = async (folder: string) => {
  const { config, weights } = right(await loadPolicy(folder)())
  const processor = right(await loadProcessor(folder)())
  const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
  return { config, processor, backend, weights: residentWeights(onDevice(backend.ops, weights)) }
}

describe.each(styles)('the folder $name: $dtypes in $shards files, names of $names, template $template', (style) => {
  const { rows, expected } = variantReference(style.name)
  let folder: string
  let model: Awaited<ReturnType<typeof opened>>
  beforeAll(async () => {
    folder = await variantFolder(style)
    model = await opened(folder)
  })
  afterAll(() => rm(dirname(folder), { recursive: true }))

  it.each(rows.map((row, i) => [row.id, i] as const))(
    'golden: row %s is to the policy what it is to transformers 4.49: prompt, pixels, positions, log-probs, entropies, greedy text',
    async (_, i) => {
      const { id, problem, images } = rows[i]!
      const want = expected[i]!
      const { config, processor, backend, weights } = model
      const prompt = right(await encodePrompt(processor)({ id, problem, images: images.map(variantPicture) })())
      expect(prompt.text).toBe(want.prompt_text)
      expect([...prompt.ids]).toEqual(want.prompt_ids)
      expect(prompt.positions.map((axis) => [...axis])).toEqual(want.position_ids)
      expect(prompt.images.map(({ grid }) => grid)).toEqual(want.grids ?? [])
      if (images.length > 0) {
        const hash = createHash('sha256')
        for (const { pixels } of prompt.images) hash.update(new Uint8Array(pixels.buffer))
        expect(hash.digest('hex')).toBe(want.pixels_sha256)
        const read = await values(backend, () => ({
          rows: visionFeatures(backend.ops, config)(weights, prompt.images, { features: 'merged' }).rows,
        }))
        const cols = config.text.hiddenSize
        const entropy = visualEntropy({ rows: read.rows.length / cols, cols, data: read.rows })
        expect(Math.abs(entropy - want.visual_entropy!)).toBeLessThan(1e-5)
      }
      const batch = completionBatch(config)([prompt], [[want.response_ids]])
      const scores = await values(backend, () => ({
        ...scoreCompletions(backend.ops, config)(weights, batch, { temperature: 1 }),
      }))
      expect(maxDifference(scores.logprob, want.logprobs)).toBeLessThan(TOLERANCE)
      expect(maxDifference(scores.entropy, want.token_entropies)).toBeLessThan(TOLERANCE)
      const options = {
        ...freeSampling,
        temperature: 0,
        numGenerations: 1,
        maxCompletionLength: want.greedy_ids.length,
      }
      const [[completion] = []] = right(await generate(backend, config)(weights, [prompt], options)())
      expect([...completion!.ids]).toEqual(want.greedy_ids)
    },
  )
})
