import { referenceOps, residentWeights } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { type CompletionBatch, completionBatch, completionHidden, scoreCompletions } from './completions.ts'
import { miniConfig, onDevice } from './testing.ts'
import type { EncodedPrompt } from './types.ts'
import { initialWeights } from './weights.ts'

const prompt = (ids: ReadonlyArray<number>): EncodedPrompt => {
  const axis = Int32Array.from(ids, (_, i) => i)
  const positions = [axis, axis, axis] as const
  return { id: `${ids[0]}`, text: '', ids: Int32Array.from(ids), positions, nextPosition: ids.length, images: [] }
}
const prompts = [prompt([2, 5, 6]), prompt([3, 7])]
const completions = [
  [[3, 7, 1], [], [8]],
  [[4, 1], [9, 10, 11, 12, 1], [6]],
]
const weights = residentWeights(onDevice(referenceOps, initialWeights(miniConfig, 4)))
const scored = (batch: CompletionBatch) =>
  scoreCompletions(referenceOps, miniConfig)(weights, batch, { temperature: 0.9 })

describe('completions of different lengths', () => {
  const batch = completionBatch(miniConfig)(prompts, completions)

  it('law: no layer computes a row of padding; an empty completion keeps the one row it starts with', () => {
    expect(batch.length).toBe(5)
    expect([...batch.inputs]).toEqual([6, 3, 7, 6, 6, 7, 4, 7, 9, 10, 11, 12, 7])
    expect([...batch.targets]).toEqual([3, 7, 1, 0, 8, 4, 1, 9, 10, 11, 12, 1, 6])
    expect(completionHidden(referenceOps, miniConfig)(weights, batch).shape).toEqual([13, miniConfig.text.hiddenSize])
    expect(batch.mask.reduce((sum, one) => sum + one, 0)).toBe(12)
  })

  it('law: every row has its place and every place a row of its own rollout', () => {
    const { rowOfPlace, placeOfRow, rowOfToken } = batch.unpadded!
    placeOfRow.forEach((place, row) => expect(rowOfPlace[place]).toBe(row))
    expect([...rowOfToken.subarray(0, 15)]).toEqual([0, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4])
  })

  it('law: each has the scores it has alone, where nothing is padded', () => {
    const together = scored(batch)
    completions.forEach((group, p) =>
      group.forEach((completion, g) => {
        if (completion.length === 0) return
        const alone = completionBatch(miniConfig)([prompts[p]!], [[completion]])
        expect(alone.unpadded).toBeUndefined()
        const want = scored(alone)
        const start = (p * 3 + g) * batch.length
        completion.forEach((_, j) => {
          expect(together.logprob.data[start + j]).toBeCloseTo(want.logprob.data[j]!, 12)
          expect(together.entropy.data[start + j]).toBeCloseTo(want.entropy.data[j]!, 12)
        })
      }),
    )
  })
})
