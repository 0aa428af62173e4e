import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullSlots, ownerOf, repacked } from './slots.ts'

describe('repacked', () => {
  it('keeps the batch while dropping rollouts saves too little', () => {
    expect(repacked(fullSlots(2, 4), (slot) => slot !== 3)).toBeUndefined()
  })

  it('splits a prompt over narrower chunks when that needs fewer slots', () => {
    // 3 of 4 and 1 of 4 live: 8 slots, packed into 4 of width 1
    const packing = repacked(fullSlots(2, 4), (slot) => slot < 3 || slot === 6)!
    expect(packing.slots).toEqual({ width: 1, owners: [0, 0, 0, 1], rollouts: [0, 1, 2, 2] })
    expect(packing.from).toEqual([0, 1, 2, 6])
    expect(packing.chunks).toEqual([0, 0, 0, 1])
  })

  it('property: every live rollout keeps its slot contents, and no finished one stays but as filling', () => {
    const batches = fc
      .record({ prompts: fc.integer({ min: 1, max: 6 }), rollouts: fc.integer({ min: 1, max: 9 }) })
      .chain((size) =>
        fc.record({
          size: fc.constant(size),
          live: fc.array(fc.boolean(), {
            minLength: size.prompts * size.rollouts,
            maxLength: size.prompts * size.rollouts,
          }),
          later: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        }),
      )
    fc.assert(
      fc.property(batches, ({ size, live, later }) => {
        let slots = fullSlots(size.prompts, size.rollouts)
        for (const alive of [live, later]) {
          const isLive = (slot: number): boolean => slots.rollouts[slot]! >= 0 && alive[slot % alive.length]!
          const wanted = slots.rollouts.flatMap((rollout, slot) =>
            isLive(slot) ? [`${ownerOf(slots, slot)}/${rollout}`] : [],
          )
          const packing = repacked(slots, isLive)
          if (packing === undefined) return
          const next = packing.slots
          expect(next.rollouts.length).toBeLessThanOrEqual(0.75 * slots.rollouts.length)
          expect(next.rollouts.length).toBe(next.owners.length * next.width)
          const held = next.rollouts.flatMap((rollout, slot) =>
            rollout >= 0 ? [`${ownerOf(next, slot)}/${rollout}`] : [],
          )
          expect(held).toEqual(wanted)
          next.rollouts.forEach((rollout, slot) => {
            const from = packing.from[slot]!
            expect(ownerOf(slots, from)).toBe(ownerOf(next, slot))
            if (rollout >= 0) expect(slots.rollouts[from]).toBe(rollout)
          })
          packing.chunks.forEach((chunk, i) => expect(slots.owners[chunk]).toBe(next.owners[i]))
          slots = next
        }
      }),
      { seed: 5, numRuns: 300 },
    )
  })
})
