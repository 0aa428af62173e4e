import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openNodeBackend } from '@durian/backend-node'
import { residentWeights } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { ropePositions } from '../processor/positions.ts'
import { completionBatch, scoreCompletions } from './completions.ts'
import { loadPolicy } from './files.ts'
import { maxDifference, onDevice, right, values } from './testing.ts'
import type { EncodedPrompt } from './types.ts'

const dir = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/qwen2_5_vl_tied')

interface Reference {
  readonly rows: ReadonlyArray<{
    readonly prompt_ids: ReadonlyArray<number>
    readonly response_ids: ReadonlyArray<number>
    readonly grids: ReadonlyArray<readonly [number, number, number]>
    readonly pixels: ReadonlyArray<ReadonlyArray<number>>
    readonly position_ids: ReadonlyArray<ReadonlyArray<number>>
    readonly logprobs: ReadonlyArray<number>
    readonly token_entropies: ReadonlyArray<number>
  }>
}

describe('a policy with tied head, one frame a patch and other sizes', () => {
  it('golden: positions, log-probs and entropies are those of transformers 4.49, all rows in one batch', async () => {
    const { rows } = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')) as Reference
    const { config, weights } = right(await loadPolicy(dir)())
    const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
    const source = residentWeights(onDevice(backend.ops, weights))
    const prompts = rows.map((row, i): EncodedPrompt => {
      const images = row.grids.map((grid, k) => ({ grid, pixels: Float32Array.from(row.pixels[k]!) }))
      const ids = Int32Array.from(row.prompt_ids)
      const rope = ropePositions(ids, images, { imageToken: config.tokens.image, mergeSize: config.vision.mergeSize })
      expect(rope.positions.map((axis) => [...axis])).toEqual(row.position_ids.map((axis) => axis.slice(0, ids.length)))
      return { id: `${i}`, text: '', ids, images, ...rope }
    })
    const batch = completionBatch(config)(
      prompts,
      rows.map(({ response_ids }) => [response_ids]),
    )
    const scores = await values(backend, () => ({
      ...scoreCompletions(backend.ops, config)(source, batch, { temperature: 1 }),
    }))
    rows.forEach(({ logprobs, token_entropies }, p) => {
      const own = (x: Float32Array) => x.subarray(p * batch.length, p * batch.length + logprobs.length)
      expect(maxDifference(own(scores.logprob), logprobs)).toBeLessThan(1e-4)
      expect(maxDifference(own(scores.entropy), token_entropies)).toBeLessThan(1e-4)
    })
  })
})
