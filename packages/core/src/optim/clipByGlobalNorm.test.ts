import { describe, expect, it } from 'vitest'
import { referenceOps as ops } from '../ops/reference.ts'
import { clipByGlobalNorm, globalNorm } from './clipByGlobalNorm.ts'

const grads = {
  a: ops.fromHost({ shape: [2, 1], data: [3, 0] }),
  b: ops.fromHost({ shape: [], data: [-4] }),
}

describe('clipByGlobalNorm', () => {
  it('is the norm of all tensors together', () => {
    expect(globalNorm(ops, grads)).toEqual(ops.fromHost({ shape: [], data: [5] }))
    expect(globalNorm(ops, {})).toEqual(ops.fromHost({ shape: [], data: [0] }))
  })

  it('scales a long gradient to the limit and reports the norm before', () => {
    const clipped = clipByGlobalNorm(ops, 1)(grads)
    expect(clipped.norm.data[0]).toBe(5)
    expect(clipped.grads['a']!.shape).toEqual([2, 1])
    expect(clipped.grads['a']!.data[0]).toBeCloseTo(0.6, 6)
    expect(clipped.grads['b']!.data[0]).toBeCloseTo(-0.8, 6)
    // torch divides by norm + 1e-6.
    expect(clipped.grads['b']!.data[0]).toBeCloseTo(-4 / (5 + 1e-6), 15)
  })

  it('leaves a short gradient to the last bit', () => {
    expect(clipByGlobalNorm(ops, 10)(grads).grads).toEqual(grads)
  })

  it('shows a gradient that is not finite in the norm', () => {
    const broken = { ...grads, c: ops.fromHost({ shape: [1], data: [NaN] }) }
    expect(clipByGlobalNorm(ops, 1)(broken).norm.data[0]).toBeNaN()
  })
})
