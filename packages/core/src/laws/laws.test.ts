import { describe, expect, it } from 'vitest'
import type { RefTensor } from '../ops/reference.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import { allLaws } from './allLaws.ts'
import { withGaps } from './gaps.ts'
import type { Law, Subject } from './law.ts'
import { referenceBackend } from './referenceBackend.ts'

type Change = (ops: TensorOps<RefTensor>) => Partial<TensorOps<RefTensor>>

const subjectOf = (change?: Change): Subject<RefTensor> => ({
  backend: referenceBackend(change),
  // Reads go through float32; differences of differences cost the gradients half their digits.
  tolerance: { atol: 1e-6, rtol: 1e-6 },
  gradientTolerance: { atol: 1e-5, rtol: 1e-5 },
  seed: 1,
  runs: 15,
})

const failures = async (laws: ReadonlyArray<Law>): Promise<ReadonlyArray<string>> => {
  const failed: Array<string> = []
  for (const { name, check } of laws) {
    await check().catch(() => failed.push(name))
  }
  return failed
}

describe('the law suite on the reference', () => {
  for (const { name, check } of withGaps(allLaws(subjectOf()), {})) it(`law: ${name}`, check)

  it('law: names are unique, so a gap names one law', () => {
    const names = allLaws(subjectOf()).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
