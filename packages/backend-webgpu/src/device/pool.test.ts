import { describe, expect, it } from 'vitest'
import { trimPool } from './pool.ts'

const poolOf = (used: number, idle: ReadonlyArray<number>) => {
  const destroyed: number[] = []
  const freeBuffers = new Map(
    idle.map((size) => [`${size}_1`, [{ size, destroy: () => destroyed.push(size) } as unknown as GPUBuffer]]),
  )
  const numBytesAllocated = used + idle.reduce((sum, size) => sum + size, 0)
  return { pool: { numBytesAllocated, numBytesUsed: used, numFreeBuffers: idle.length, freeBuffers }, destroyed }
}

describe('the pool of buffers', () => {
  it('keeps idle buffers while they take no more than what is in use and the allowance', () => {
    const { pool, destroyed } = poolOf(100, [60, 90])
    trimPool(pool, 50)
    expect(destroyed).toEqual([])
    expect(pool.numFreeBuffers).toBe(2)
  })

  it('gives all of them back beyond that, and counts them', () => {
    const { pool, destroyed } = poolOf(100, [60, 91])
    trimPool(pool, 50)
    expect(destroyed).toEqual([60, 91])
    expect(pool).toMatchObject({ numBytesAllocated: 100, numBytesUsed: 100, numFreeBuffers: 0 })
    expect([...pool.freeBuffers.values()]).toEqual([[], []])
  })
})
