import { referenceOps, type HostTensor, type RefTensor } from '@durian/core'
import { describe, expect, it } from 'vitest'
import { expectedLoss, expectedSlopes } from './expected.ts'
import { selfTestDirections, selfTestLoss, selfTestParams } from './program.ts'

const STEP = 1e-5

const lossAt = (params: Readonly<Record<string, HostTensor>>): number => {
  const tensors = Object.entries(params).map(([name, tensor]): [string, RefTensor] => [
    name,
    referenceOps.fromHost(tensor),
  ])
  return selfTestLoss(referenceOps, Object.fromEntries(tensors)).data[0]!
}

/** Parameter `name` moved along its direction. */
const moved = (name: string, step: number): number => {
  const { shape, data } = selfTestParams[name]!
  const direction = selfTestDirections[name]!.data
  return lossAt({
    ...selfTestParams,
    [name]: { shape, data: Float64Array.from(data, (value, i) => value + step * direction[i]!) },
  })
}

describe('the self-test', () => {
  it('golden: expects the loss of the reference interpreter', () => {
    expect(expectedLoss).toBeCloseTo(lossAt(selfTestParams), 12)
  })

  it.each(Object.keys(selfTestParams))('golden: expects the central difference of the reference along %s', (name) => {
    expect(expectedSlopes[name]).toBeCloseTo((moved(name, STEP) - moved(name, -STEP)) / (2 * STEP), 7)
  })

  it('golden: depends on every parameter, so no kernel can be wrong unseen', () => {
    for (const slope of Object.values(expectedSlopes)) expect(Math.abs(slope)).toBeGreaterThan(1e-3)
  })
})
