import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type HostTensor, referenceOps, residentWeights, visualEntropy } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { encodePrompt } from '../processor/encodePrompt.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { completionBatch, scoreCompletions } from './completions.ts'
import { loadPolicy } from './files.ts'
import { visionFeatures } from './vision.ts'

const dir = join(dirname(fileURLToPath(import.meta.url)), '../../fixtures/qwen2_5_vl_tiny')
const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')).expected
const rows = readFileSync(join(dir, 'rows.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line))
const right = <A>(e: E.Either<unknown, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}
describe('x', () => {
  it('golden', async () => {
    const { config, weights } = right(await loadPolicy(dir)())
    const processor = right(await loadProcessor(dir)())
    const source = residentWeights(Object.fromEntries(Object.entries(weights).map(([k, v]) => [k, referenceOps.fromHost(v as HostTensor)])))
    const prompts = []
    for (const [i, row] of rows.entries()) {
      const want = expected[i]
      const prompt = right(await encodePrompt(processor)({ id: row.id, problem: row.problem, images: row.images.map((p: string) => readFileSync(join(dir, p))) })())
      prompts.push(prompt)
      expect(prompt.text).toBe(want.prompt_text)
      expect([...prompt.ids]).toEqual(want.prompt_ids)
      expect(prompt.positions.map((p) => [...p])).toEqual(want.position_ids.map((p: number[]) => p.slice(0, prompt.ids.length)))
      if (row.images.length > 0) {
        expect(prompt.images.map((im) => im.grid)).toEqual(want.image_grid_thw)
        const all = new Float32Array(prompt.images.flatMap((im) => [...im.pixels]))
        expect(createHash('sha256').update(new Uint8Array(all.buffer)).digest('hex')).toBe(want.pixel_values_sha256)
        const f = visionFeatures(referenceOps, config)(source, prompt.images, { features: 'merged' })
        const flat = want.vision_tokens.flat()
        let worst = 0
        flat.forEach((v: number, j: number) => (worst = Math.max(worst, Math.abs(v - f.rows.data[j]!))))
        console.log('vision diff', worst)
        console.log('entropy', visualEntropy({ rows: f.counts.reduce((a, b) => a + b, 0), cols: config.text.hiddenSize, data: f.rows.data } as never) - want.visual_entropy)
      }
      const t0 = performance.now()
      const s = scoreCompletions(referenceOps, config)(source, completionBatch(config)([prompt], [[want.response_ids]]), { temperature: 1 })
      console.log(row.id, performance.now() - t0, Math.max(...want.logprobs.map((v: number, j: number) => Math.abs(v - s.logprob.data[j]!))), Math.max(...want.token_entropies.map((v: number, j: number) => Math.abs(v - s.entropy.data[j]!))))
    }
    const batch = completionBatch(config)(prompts, expected.map((e: any) => [e.response_ids, e.response_ids.slice(0, 5)]))
    const s = scoreCompletions(referenceOps, config)(source, batch, { temperature: 1 })
    expected.forEach((e: any, p: number) => console.log(Math.max(...[0, 1].map((g) => Math.max(...e.logprobs.slice(0, g ? 5 : 1000).map((v: number, j: number) => Math.abs(v - s.logprob.data[(p * 2 + g) * batch.length + j]!)))))))
  })
})
