import { join } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { residentWeights } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { loadDataset } from '../data/dataset.ts'
import { sentence } from '../errors.ts'
import { loadPolicy } from '../policy/files.ts'
import { expected, fixtureDir, maxDifference, onDevice, right } from '../policy/testing.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { encodeScored, scoreRow } from './score.ts'

describe('durian score', () => {
  it('golden: prints ids, log-probs, entropies and visual entropy of the rows as transformers computes them', async () => {
    const { rows } = right(await loadDataset(join(fixtureDir, 'rows.jsonl'), { answers: 'optional' })())
    const processor = right(await loadProcessor(fixtureDir)())
    const { config, weights } = right(await loadPolicy(fixtureDir)())
    const { backend } = right(await openNodeBackend({ prefer: 'wasm' })())
    const source = residentWeights(onDevice(backend.ops, weights))
    const before = backend.memory.liveTensors()
    for (const [i, row] of rows.entries()) {
      const want = expected[i]!
      const encoded = right(await encodeScored(processor)(row)())
      const result = right(await scoreRow(backend, config)(source, encoded)())
      expect(result.id).toBe(want.id)
      expect(result.prompt_ids).toEqual(want.prompt_ids)
      expect(result.response_ids).toEqual(want.response_ids)
      expect(maxDifference(result.logprobs, want.logprobs)).toBeLessThan(1e-4)
      expect(maxDifference(result.token_entropies, want.token_entropies)).toBeLessThan(1e-4)
      if (want.visual_entropy === undefined) expect(result.visual_entropy).toBeNull()
      else expect(Math.abs(result.visual_entropy! - want.visual_entropy)).toBeLessThan(1e-5)
    }
    expect(backend.memory.liveTensors()).toBe(before)
  })

  it('does not end a response twice, asks what its messages ask, and names a row without a response', async () => {
    const processor = right(await loadProcessor(fixtureDir)())
    const row = { id: 'q', problem: 'p', answer: '', images: [], extra: { response: 'x<|im_end|>' } }
    const plain = right(await encodeScored(processor)({ ...row, extra: { response: 'x' } })())
    const ended = right(await encodeScored(processor)({ ...row, messages: [{ role: 'user', content: 'p!' }] })())
    expect(ended.response).toEqual(plain.response)
    expect(ended.prompt.text).toBe(plain.prompt.text.replace('user\np', 'user\np!'))
    const without = await encodeScored(processor)({ ...row, extra: {} })()
    expect(E.isLeft(without) && sentence(without.left)).toContain(`Row 'q': it has no text in column "response"`)
  })
})
