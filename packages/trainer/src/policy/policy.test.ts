import { createHash } from 'node:crypto'
import { openNodeBackend } from '@durian/backend-node'
import { gelu, linear, visualEntropy } from '@durian/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { completionBatch, completionHidden, scoreCompletions } from './completions.ts'
import { logitsOf } from './decoder.ts'
import { generate } from './generate.ts'
import { expected, freeSampling, maxDifference, openFixture, right, rows, values } from './testing.ts'
import { visionFeatures } from './vision.ts'

const open = async () => openFixture(right(await openNodeBackend({ prefer: 'wasm' })()).backend)
let fixture: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  fixture = await open()
})

/** Float32 through 3 layers against torch's float32: 1.3e-5 was seen; the design asks for 1e-4. */
const TOLERANCE = 1e-4

describe.each(rows.map(({ id }, i) => [id, i] as const))('row %s', (_, i) => {
  const want = expected[i]!

  it('golden: prompt text, token ids, grids, pixels and positions are those of transformers 5.17', () => {
    const prompt = fixture.prompts[i]!
    expect(prompt.text).toBe(want.prompt_text)
    expect([...prompt.ids]).toEqual(want.prompt_ids)
    expect(prompt.images.map(({ grid }) => grid)).toEqual(want.image_grid_thw ?? [])
    const n = prompt.ids.length
    expect(prompt.positions.map((axis) => [...axis])).toEqual(want.position_ids.map((axis) => axis.slice(0, n)))
    expect(prompt.nextPosition).toBe(want.position_ids[0]![n])
    if (want.pixel_values_sha256 === undefined) return
    const hash = createHash('sha256')
    for (const { pixels } of prompt.images) hash.update(new Uint8Array(pixels.buffer))
    expect(hash.digest('hex')).toBe(want.pixel_values_sha256)
  })

  it('golden: vision tokens and visual entropy are those of transformers 5.17', async () => {
    if (want.vision_tokens === undefined) return expect(fixture.prompts[i]!.images).toEqual([])
    const { backend, config, weights, prompts } = fixture
    const program = visionFeatures(backend.ops, config)
    const read = await values(backend, () => ({
      rows: program(weights, prompts[i]!.images, { features: 'merged' }).rows,
    }))
    expect(maxDifference(read.rows, want.vision_tokens.flat())).toBeLessThan(TOLERANCE)
    const entropy = visualEntropy({ rows: want.vision_tokens.length, cols: config.text.hiddenSize, data: read.rows })
    expect(Math.abs(entropy - want.visual_entropy!)).toBeLessThan(1e-5)
  })

  it('law: the merger makes the merged tokens of the patches, four by four in raster order', async () => {
    const { backend, config, weights, prompts } = fixture
    const { images } = prompts[i]!
    if (images.length === 0) return
    const { ops } = backend
    const features = visionFeatures(ops, config)
    const mlp = weights.under('visual.merger.mlp.')
    const read = await values(backend, () => {
      const { rows: patches, counts } = features(weights, images, { features: 'patches' })
      expect(counts).toEqual(images.map(({ grid: [t, h, w] }) => t * h * w))
      const grouped = ops.reshape(patches, [ops.shape(patches)[0]! / 4, 4 * config.vision.hiddenSize])
      const hidden = gelu(ops, linear(ops, grouped, mlp['0.weight']!, mlp['0.bias']))
      return {
        remade: linear(ops, hidden, mlp['2.weight']!, mlp['2.bias']),
        merged: features(weights, images, { features: 'merged' }).rows,
      }
    })
    expect(maxDifference(read.remade, read.merged)).toBeLessThan(1e-5)
  })

  it('golden: log-probs, entropies and logits of the response are those of transformers with its own M-RoPE positions', async () => {
    const { backend, config, weights, prompts } = fixture
    const batch = completionBatch(config)([prompts[i]!], [[want.response_ids]])
    const scores = await values(backend, () => ({
      ...scoreCompletions(backend.ops, config)(weights, batch, { temperature: 1 }),
    }))
    expect(maxDifference(scores.logprob, want.logprobs)).toBeLessThan(TOLERANCE)
    expect(maxDifference(scores.entropy, want.token_entropies)).toBeLessThan(TOLERANCE)
    // The last logits are those behind the whole response: a response one token longer has them in its last row.
    const longer = completionBatch(config)([prompts[i]!], [[[...want.response_ids, 0]]])
    const { logits } = await values(backend, () => ({
      logits: logitsOf(backend.ops, config)(weights, completionHidden(backend.ops, config)(weights, longer)),
    }))
    expect(maxDifference(logits.subarray(-config.text.vocabSize), want.last_logits)).toBeLessThan(5 * TOLERANCE)
  })

  it('golden: greedy tokens are those of transformers, no token banned', async () => {
    const { backend, config, weights, prompts } = fixture
    const options = { ...freeSampling, temperature: 0, numGenerations: 1, maxCompletionLength: 12 }
    const [[completion] = []] = right(await generate(backend, config)(weights, [prompts[i]!], options)())
    expect([...completion!.ids]).toEqual(want.greedy_ids)
  })
})

describe('one batch of all rows', () => {
  it('law: batching prompts of different lengths and pictures, and padding completions, change no log-prob', async () => {
    const { backend, config, weights, prompts } = fixture
    const groups = expected.map(({ response_ids }) => [response_ids.slice(0, 5), response_ids])
    const batch = completionBatch(config)(prompts, groups)
    const { logprob } = await values(backend, () => ({
      ...scoreCompletions(backend.ops, config)(weights, batch, { temperature: 1 }),
    }))
    groups.forEach((group, p) =>
      group.forEach((completion, g) => {
        const start = (p * 2 + g) * batch.length
        const own = logprob.subarray(start, start + completion.length)
        expect(maxDifference(own, expected[p]!.logprobs.slice(0, completion.length))).toBeLessThan(TOLERANCE)
      }),
    )
  })

  it('law: log-probs recorded while sampling equal those of the training forward pass', async () => {
    const { backend, config, weights, prompts } = fixture
    // A fifth of the vocabulary ends a rollout, so that lengths differ and finished rollouts leave the batch.
    const endTokens = Array.from({ length: config.text.vocabSize / 5 }, (_, i) => i * 5)
    for (const temperature of [1, 0.7]) {
      const options = { ...freeSampling, temperature, endTokens, numGenerations: 4, maxCompletionLength: 24 }
      const groups = right(await generate(backend, config)(weights, prompts, options)())
      expect(new Set(groups.flat().map(({ ids }) => ids.length)).size).toBeGreaterThan(3)
      const batch = completionBatch(config)(
        prompts,
        groups.map((group) => group.map(({ ids }) => ids)),
      )
      const { logprob } = await values(backend, () => ({
        ...scoreCompletions(backend.ops, config)(weights, batch, { temperature }),
      }))
      groups.flat().forEach(({ logprobs }, row) => {
        const start = row * batch.length
        expect(maxDifference(logprobs, logprob.subarray(start, start + logprobs.length))).toBeLessThan(TOLERANCE)
      })
    }
  })
})
