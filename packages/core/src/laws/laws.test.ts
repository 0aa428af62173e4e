import { describe, expect, it } from 'vitest'
import type { RefTensor } from '../ops/reference.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import * as derived from '../ops/derived.ts'
import { drawToken, type DrawOptions } from '../ops/drawToken.ts'
import { concatKvCaches } from '../port/kvCache.ts'
import { allLaws } from './allLaws.ts'
import { expectClose } from './close.ts'
import { drawLaws } from './drawLaws.ts'
import { fusedLaws } from './fusedLaws.ts'
import { withGaps } from './gaps.ts'
import { gradientLaws } from './gradientLaws.ts'
import { kvCacheLaws } from './kvCacheLaws.ts'
import type { Law, Subject } from './law.ts'
import { memoryLaws } from './memoryLaws.ts'
import { referenceBackend } from './referenceBackend.ts'
import { silentFaultLaws } from './silentFaultLaws.ts'
import { tensorOpsLaws } from './tensorOpsLaws.ts'

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

describe('withGaps', () => {
  const law = (name: string, check: () => Promise<void>): Law => ({ name, check })
  const passes = law('passes', () => Promise.resolve())
  const fails = law('fails', () => Promise.reject(new Error('wrong')))

  it('law: lets a declared gap fail, and holds the rest to their word', async () => {
    expect(await failures(withGaps([passes, fails], { fails: 'a known fault' }))).toEqual([])
    expect(await failures(withGaps([passes, fails], {}))).toEqual(['fails'])
  })

  it('law: a gap that closes fails', async () => {
    expect(await failures(withGaps([passes], { passes: 'an old fault' }))).toEqual(['passes (known gap: an old fault)'])
  })

  it('law: a gap that names no law fails', async () => {
    expect(await failures(withGaps([passes], { pases: 'misspelt' }))).toEqual(['gap: pases'])
  })
})

describe('expectClose', () => {
  const numbers = (...data: ReadonlyArray<number>) => ({ shape: [data.length], data })
  const close = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>) => () =>
    expectClose('sum', numbers(...actual), numbers(...expected), { atol: 0.1, rtol: 0.01 })

  it('allows atol + rtol |expected| and no more', () => {
    expect(close([10.2], [10])).not.toThrow()
    expect(close([10.21], [10])).toThrow()
  })

  it('names the worst index, both numbers and the error', () => {
    expect(close([1, 2.5, 4], [1, 2, 3])).toThrow(
      'sum: at index 2 of [3] got 4, expected 3: error 1 where 0.13 is allowed (2 of 3 numbers are wrong)',
    )
  })

  it('never lets NaN or an infinity pass for a number, nor a number for them', () => {
    expect(close([NaN], [1])).toThrow('at index 0')
    expect(close([1], [NaN])).toThrow('at index 0')
    expect(close([1], [Infinity])).toThrow('at index 0')
    expect(close([NaN, Infinity], [NaN, Infinity])).not.toThrow()
  })

  it('compares shapes first', () => {
    expect(() =>
      expectClose('x', { shape: [2, 1], data: [1, 2] }, { shape: [2], data: [1, 2] }, { atol: 1, rtol: 0 }),
    ).toThrow('shape [2,1] with 2 numbers, expected [2] with 2')
  })
})

describe('a wrong backend', () => {
  it('law: fails exactly the laws of its two wrong operations', async () => {
    const wrong = subjectOf((ops) => ({
      // The first is wrong in its tails only, the second beyond 48 along the inner axis only.
      erf: (x) => ops.clip(ops.erf(x), -0.9999, 0.9999),
      matmul: (a, b, transposes) => {
        const inner = a.shape.at(transposes?.transposeA === true ? -2 : -1)!
        const product = ops.matmul(a, b, transposes)
        return inner > 48 && transposes?.transposeB === true ? ops.add(product, product) : product
      },
    }))
    expect(await failures(tensorOpsLaws(wrong))).toEqual(['values: erf', 'values: matmul'])
    expect(await failures(silentFaultLaws(wrong))).toEqual([
      'silent fault: linear with a bias and an inner size beyond 48',
    ])
  })

  it('law: one that computes where it should refuse fails the law of the misuse', async () => {
    const lenient = subjectOf((ops) => ({
      slice: (x, begin, size) =>
        ops.slice(
          x,
          begin.map(() => 0),
          size.map((n, axis) => Math.min(n, x.shape[axis]!)),
        ),
    }))
    const failed = await failures(tensorOpsLaws(lenient))
    expect(failed).toContain('misuse: slice past the end throws')
    expect(failed.filter((name) => name.startsWith('misuse'))).toHaveLength(1)
  })

  it('law: one that hides NaN fails the law of the fault', async () => {
    const hiding = subjectOf((ops) => ({
      clip: (x, lo, hi) => ops.fromHost({ shape: x.shape, data: ops.clip(x, lo, hi).data.map((v) => v || 0) }),
    }))
    expect(await failures(silentFaultLaws(hiding))).toEqual(['silent fault: clip keeps NaN visible'])
  })

  it('law: a wrong gradient fails where the values are right', async () => {
    const right = subjectOf()
    const { ops, gradients } = right.backend
    const wrong: Subject<RefTensor> = {
      ...right,
      runs: 2,
      backend: {
        ...right.backend,
        gradients: {
          ...gradients,
          valueAndGrad: (f) => (params) => {
            const result = gradients.valueAndGrad(f)(params)
            const doubled = Object.entries(result.grads).map(([name, grad]) => [name, ops.add(grad, grad)])
            return { ...result, grads: Object.fromEntries(doubled) as typeof result.grads }
          },
        },
      },
    }
    const laws = gradientLaws(wrong).filter(({ name }) => /: (mul|softmax|embedding|loss grpo|vjp.*)$/.test(name))
    expect(await failures(laws)).toEqual([
      'gradient: mul',
      'gradient: softmax',
      'gradient: embedding',
      'gradient: loss grpo',
    ])
  })

  it('law: a leak in the gradients fails the memory laws that look there', async () => {
    const right = subjectOf()
    const { ops, gradients } = right.backend
    const leaking: Subject<RefTensor> = {
      ...right,
      backend: {
        ...right.backend,
        gradients: {
          ...gradients,
          valueAndGrad: (f) => (params) => {
            ops.fromHost({ shape: [], data: [0] })
            return gradients.valueAndGrad(f)(params)
          },
        },
      },
    }
    expect(await failures(memoryLaws(leaking))).toEqual([
      'memory: valueAndGrad leaves value, gradients and aux',
      'memory: valueAndGrad leaves nothing when f throws, and works again',
    ])
  })

  it('law: a bracket that forgets to free on failure fails its law', async () => {
    const right = subjectOf()
    const { memory } = right.backend
    const forgetting: Subject<RefTensor> = {
      ...right,
      backend: {
        ...right.backend,
        memory: { ...memory, bracket: (use) => use({ keep: (x) => x, release: (x) => x, free: memory.free }) },
      },
    }
    expect(await failures(memoryLaws(forgetting))).toEqual([
      'memory: bracket frees after an error at each await',
      'memory: bracket frees all but what it released',
    ])
  })

  it('law: a cache that appends in front, or mixes up rows, fails its law', async () => {
    const right = subjectOf()
    const { ops, memory, kvCaches } = right.backend
    const failuresWith = (change: Partial<typeof kvCaches>) =>
      failures(kvCacheLaws({ ...right, backend: { ...right.backend, kvCaches: { ...kvCaches, ...change } } }))
    const { append } = concatKvCaches({ ...ops, concat: (xs, axis) => ops.concat([...xs].reverse(), axis) }, memory)
    expect(await failuresWith({ append })).toEqual(['kv cache: appending gives the logits of recomputation'])
    const selectRows: typeof kvCaches.selectRows = (cache, rows) => kvCaches.selectRows(cache, [...rows].reverse())
    expect(await failuresWith({ selectRows })).toEqual(['kv cache: selected rows go on as their own'])
  })
})

describe('fused kernels', () => {
  const { derivedRmsNorm, derivedSwiglu } = derived
  const fusedBy = (offset: number) =>
    subjectOf((ops) => ({
      fused: {
        rmsNorm: (x, weight, epsilon) => derived.shift(ops, derivedRmsNorm(ops, x, weight, epsilon), offset),
        swiglu: (gate, up) => derivedSwiglu(ops, gate, up),
      },
    }))

  it('law: each has two laws, and a right one keeps them', async () => {
    expect(fusedLaws(fusedBy(0))).toHaveLength(4)
    expect(await failures(fusedLaws(fusedBy(0)))).toEqual([])
    expect(fusedLaws(subjectOf())).toEqual([])
  })

  it('law: one that differs from its program fails', async () => {
    expect(await failures(fusedLaws(fusedBy(1e-3)))).toEqual(['fused: rmsNorm equals its program'])
  })
})

describe('drawing', () => {
  type Row = Readonly<{ row: ReadonlyArray<number>; u: number; options: DrawOptions }>
  type Numbers = readonly [token: number, logprob: number, excluded: number]
  const exact = ({ row, u, options }: Row): Numbers => {
    const { token, logprob, excludedMass } = drawToken(options)(row, u)
    return [token, logprob, excludedMass]
  }
  const drawingBy = (draw: (one: Row) => Numbers) =>
    subjectOf((ops) => ({
      fused: {
        drawTokens: (logits, uniforms, options) => {
          const [rows, words] = logits.shape as [number, number]
          const drawn = Array.from({ length: rows }, (_, n) => {
            const row = [...logits.data.slice(n * words, (n + 1) * words)]
            return draw({ row, u: uniforms[n]!, options })
          })
          return ops.fromHost({ shape: [3, rows], data: [0, 1, 2].flatMap((part) => drawn.map((one) => one[part]!)) })
        },
      },
    }))
  const law = 'fused: drawTokens draws as float64 does'

  it('law: float64 keeps them, and a backend without the kernel has none', async () => {
    expect(drawLaws(subjectOf())).toEqual([])
    expect(drawLaws(drawingBy(exact))).toHaveLength(3)
    expect(await failures(drawLaws(drawingBy(exact)))).toEqual([])
  })

  it('law: a uniform off by the tolerance is let pass, by more it is not', async () => {
    const movedBy = (by: number) => drawingBy(({ row, u, options }) => exact({ row, u: Math.max(0, u - by), options }))
    expect(await failures(drawLaws(movedBy(5e-7)))).toEqual([])
    expect(await failures(drawLaws(movedBy(1e-3)))).toEqual([law])
  })

  it.each<[string, (one: Row) => Numbers]>([
    ['draws what is banned', ({ options, ...one }) => exact({ ...one, options: { ...options, banned: new Set() } })],
    ['knows no top-k', ({ options, ...one }) => exact({ ...one, options: { ...options, topK: 0 } })],
    ['knows no top-p', ({ options, ...one }) => exact({ ...one, options: { ...options, topP: 1 } })],
    [
      'takes the last of equals',
      (one) => {
        const [token, ...numbers] = exact(one)
        return [one.options.temperature === 0 ? one.row.lastIndexOf(one.row[token]!) : token, ...numbers]
      },
    ],
    [
      'gives log-probs of what may be drawn',
      (one) => {
        const [token, logprob, excluded] = exact(one)
        return [token, logprob - Math.log1p(-excluded), excluded]
      },
    ],
    ['excludes nothing', (one) => [exact(one)[0], exact(one)[1], 0]],
    ['always excludes a little', (one) => [exact(one)[0], exact(one)[1], exact(one)[2] + 1e-9]],
    [
      'draws what has no probability',
      (one) => [
        one.row.indexOf(-Infinity) >= 0 ? one.row.indexOf(-Infinity) : exact(one)[0],
        exact(one)[1],
        exact(one)[2],
      ],
    ],
  ])('law: one that %s fails', async (_, draw) => {
    expect(await failures(drawLaws(drawingBy(draw)))).toContain(law)
  })

  it('law: one that hides NaN, or mixes up rows, fails', async () => {
    const hiding = drawingBy((one) => exact({ ...one, row: one.row.map((z) => z || 0) }))
    expect(await failures(drawLaws(hiding))).toEqual(['fused: drawTokens gives a log-prob of NaN where a logit is'])
    let calls = 0
    const counting = drawingBy((one) => [exact(one)[0], exact(one)[1] + 1e-6 * calls++, exact(one)[2]])
    expect(await failures(drawLaws(counting))).toContain('fused: drawTokens of a row depends on no other row')
  })
})
