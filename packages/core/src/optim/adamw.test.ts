import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from '../ops/shape.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import type { Params } from '../port/backend.ts'
import { initAdamW, updateAdamW, type AdamWOptions } from './adamw.ts'

const vector = (...data: ReadonlyArray<number>): RefTensor => ops.fromHost({ shape: [data.length], data })
const numbers = (x: RefTensor | undefined) => Array.from(x!.data)

/** Adam with decoupled decay on one number, straight from the paper's algorithm 2: no folding, no tensors. */
const plainAdamW = (start: number, grads: ReadonlyArray<number>, o: Required<Omit<AdamWOptions, 'decays'>>): number => {
  let [x, m, v] = [start, 0, 0]
  for (const [i, g] of grads.entries()) {
    m = o.betas[0] * m + (1 - o.betas[0]) * g
    v = o.betas[1] * v + (1 - o.betas[1]) * g * g
    const mHat = m / (1 - o.betas[0] ** (i + 1))
    const vHat = v / (1 - o.betas[1] ** (i + 1))
    x = x - o.learningRate * o.weightDecay * x - (o.learningRate * mHat) / (Math.sqrt(vHat) + o.epsilon)
  }
  return x
}

const run = (params: Params<RefTensor>, grads: ReadonlyArray<Params<RefTensor>>, options: AdamWOptions) => {
  let current = { params, state: initAdamW(ops, params) }
  for (const g of grads) current = updateAdamW(ops, options)(current.params, g, current.state)
  return current
}

describe('AdamW', () => {
  it('moves each weight by the learning rate on the first step, whatever the size of its gradient', () => {
    const { params } = run({ w: vector(1, 1) }, [{ w: vector(1e-3, -50) }], { learningRate: 0.1, weightDecay: 0 })
    // m/(1 - b1) = g and sqrt(v/(1 - b2)) = |g|
    expect(numbers(params['w'])).toEqual([expect.closeTo(0.9, 5), expect.closeTo(1.1, 9)])
  })

  it('decays towards zero without a gradient, by learning rate times weight decay', () => {
    const { params } = run({ w: vector(2) }, [{ w: vector(0) }], { learningRate: 0.1, weightDecay: 0.5 })
    expect(numbers(params['w'])).toEqual([expect.closeTo(1.9, 15)])
  })

  it('decays only the parameters it is told to', () => {
    const grads = { weight: vector(0), bias: vector(0) }
    const decays = (name: string) => name === 'weight'
    const { params } = run({ weight: vector(1), bias: vector(1) }, [grads], {
      learningRate: 1,
      weightDecay: 0.25,
      decays,
    })
    expect(numbers(params['weight'])).toEqual([0.75])
    expect(numbers(params['bias'])).toEqual([1])
  })

  it('keeps the moments and counts the steps', () => {
    const { state } = run({ w: vector(0) }, [{ w: vector(2) }, { w: vector(2) }], {
      learningRate: 1e-3,
      betas: [0.5, 0.75],
    })
    expect(state.step).toBe(2)
    expect(numbers(state.first['w'])).toEqual([1.5]) // 0.5 (0.5 * 2) + 0.5 * 2
    expect(numbers(state.second['w'])).toEqual([1.75]) // 0.75 (0.25 * 4) + 0.25 * 4
  })

  it('property: agrees with the textbook recursion over several steps, parameter by parameter', () => {
    const finite = (min: number, max: number) => fc.double({ min, max, noNaN: true })
    fc.assert(
      fc.property(
        finite(-2, 2),
        finite(-2, 2),
        fc.array(fc.tuple(finite(-3, 3), finite(-3, 3)), { minLength: 1, maxLength: 6 }),
        (a, b, grads) => {
          const options = { learningRate: 0.01, betas: [0.8, 0.95], epsilon: 1e-8, weightDecay: 0.1 } as const
          const { params } = run(
            { first: vector(a, b), second: vector(b) },
            grads.map(([g, h]) => ({ first: vector(g, h), second: vector(g) })),
            options,
          )
          const plain = (start: number, which: 0 | 1) =>
            plainAdamW(
              start,
              grads.map((pair) => pair[which]),
              options,
            )
          const [first, second] = [numbers(params['first']), numbers(params['second'])]
          expect(first[0]).toBeCloseTo(plain(a, 0), 12)
          expect(first[1]).toBeCloseTo(plain(b, 1), 12)
          expect(second[0]).toBeCloseTo(plain(b, 0), 12)
        },
      ),
      { seed: 4 },
    )
  })

  it('leaves what it was given as it was', () => {
    const params = { w: vector(1) }
    const state = initAdamW(ops, params)
    updateAdamW(ops, { learningRate: 0.1 })(params, { w: vector(1) }, state)
    expect(numbers(params.w)).toEqual([1])
    expect(numbers(state.first['w'])).toEqual([0])
  })

  it('names the parameter that has no gradient', () => {
    const params = { w: vector(1) }
    expect(() => updateAdamW(ops, { learningRate: 0.1 })(params, {}, initAdamW(ops, params))).toThrow(ShapeError)
    expect(() => updateAdamW(ops, { learningRate: 0.1 })(params, {}, initAdamW(ops, params))).toThrow(
      "'w' has no gradient",
    )
  })
})
