import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openNodeBackend } from '@durian/backend-node'
import { residentWeights } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it, vi } from 'vitest'
import { loadDataset } from '../data/dataset.ts'
import { sentence } from '../errors.ts'
import { loadPolicy } from '../policy/files.ts'
import { expected, fixtureDir, maxDifference, onDevice, right } from '../policy/testing.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import { runProgram } from './program.ts'
import { encodeScored, scoreRow, type ScoreResult } from './score.ts'

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

  it("golden: an adapter folder is the model it names with the adapter on it: PEFT's log-probs", async () => {
    const adapter = join(fixtureDir, '../qwen2_5_vl_lora')
    const { logprobs } = JSON.parse(readFileSync(join(adapter, 'expected.json'), 'utf8')) as {
      readonly logprobs: Readonly<Record<string, ReadonlyArray<number>>>
    }
    for (const flags of [
      ['--model', adapter],
      ['--model', fixtureDir, '--adapter', adapter],
    ]) {
      let printed = ''
      vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true))
      vi.spyOn(process.stderr, 'write').mockReturnValue(true)
      await runProgram(['score', ...flags, '--data', join(fixtureDir, 'rows.jsonl'), '--backend', 'wasm'])
      vi.restoreAllMocks()
      const lines = printed.trim().split('\n')
      expect(lines).toHaveLength(4)
      for (const line of lines) {
        const { id, logprobs: own } = JSON.parse(line) as ScoreResult
        expect(maxDifference(own, logprobs[id]!)).toBeLessThan(1e-4)
      }
    }
  })
})
