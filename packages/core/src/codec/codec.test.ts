import fc from 'fast-check'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'
import { E, pipe } from '../fp.ts'
import {
  AdvantageResult,
  AdvantageRow,
  editDistance,
  FeatureRow,
  Finite,
  nearest,
  problems,
  sealed,
  tagged,
  Text,
} from './index.ts'

/** The one-line complaint, or 'fine'. */
const complaint = (codec: t.Mixed, u: unknown): string =>
  pipe(
    codec.decode(u),
    E.match(problems, () => 'fine'),
  )

describe('editDistance and nearest', () => {
  it('counts slips of one letter and swaps of neighbours', () => {
    expect(editDistance('epsilon', 'epsilonn')).toBe(1)
    expect(editDistance('epsilon', 'espilon')).toBe(1)
    expect(editDistance('', 'abc')).toBe(3)
    expect(editDistance('kitten', 'sitting')).toBe(3)
  })

  it('finds what was meant and nothing that was not', () => {
    expect(nearest('rewrads', ['id', 'rewards'])).toBe('rewards')
    expect(nearest('Entropy', ['entropy'])).toBe('entropy')
    expect(nearest('problem', ['rewards', 'logprobs', 'entropy'])).toBeUndefined()
    expect(nearest('d', ['id'])).toBeUndefined()
    expect(nearest('entropi', ['entropic', 'entropy'])).toBe('entropic')
  })

  it('property: is a distance', () => {
    const word = fc.string({ maxLength: 8 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b) === 0).toBe(a === b)
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
      { seed: 41 },
    )
  })
})

describe('Finite and Text', () => {
  it('refuse what io-ts lets through', () => {
    expect([1, -0, 1e308].every(Finite.is)).toBe(true)
    expect([NaN, Infinity, '1', null].some(Finite.is)).toBe(false)
    expect(complaint(Finite, NaN)).toBe('expected a finite number, got NaN')
    expect(complaint(Text, '')).toBe('expected a non-empty text, got ""')
  })
})

describe('sealed', () => {
  const Options = sealed('options', { epsilon: Finite }, { ddof: Finite })

  it('names the key that was meant, and does not call it missing too', () => {
    expect(complaint(Options, { epsilonn: 1 })).toBe("unknown key 'epsilonn' (did you mean 'epsilon'?)")
  })

  it('lists the known keys where nothing is near, and the missing ones', () => {
    expect(complaint(Options, { colour: 1 })).toBe(
      "unknown key 'colour' (known keys: epsilon, ddof); 'epsilon' is missing",
    )
  })

  it('takes an optional key, its absence, and undefined for it, but nothing wrong in it', () => {
    expect(complaint(Options, { epsilon: 1, ddof: 0 })).toBe('fine')
    expect(complaint(Options, { epsilon: 1, ddof: undefined })).toBe('fine')
    expect(complaint(Options, { epsilon: 1, ddof: 'x' })).toBe('ddof: expected a finite number, got "x"')
    expect(complaint(Options, { epsilon: undefined })).toBe("'epsilon' is missing")
  })

  it('is a codec: is, decode and encode agree', () => {
    expect(Options.is({ epsilon: 1 })).toBe(true)
    expect(Options.is({ epsilon: 1, other: 2 })).toBe(false)
    expect(Options.is([1])).toBe(false)
    expect(Options.encode({ epsilon: 1 })).toEqual({ epsilon: 1 })
    expect(complaint(Options, null)).toBe('expected options, got null')
  })

  it('does not take inherited keys for given ones', () => {
    expect(complaint(sealed('x', { toString: Finite }), {})).toBe("'toString' is missing")
  })
})

describe('tagged', () => {
  const Shape = tagged('kind', {
    circle: sealed('a circle', { kind: t.literal('circle'), radius: Finite }),
    square: sealed('a square', { kind: t.literal('square'), side: Finite }),
  })

  it('reports the errors of the branch that was meant and of no other', () => {
    expect(complaint(Shape, { kind: 'circle', radius: 'x' })).toBe('radius: expected a finite number, got "x"')
    expect(complaint(Shape, { kind: 'square', side: 2 })).toBe('fine')
  })

  it('names the nearest tag, all tags, or the missing key', () => {
    expect(complaint(Shape, { kind: 'circel' })).toBe(`unknown 'kind' "circel" (did you mean 'circle'?)`)
    expect(complaint(Shape, { kind: 3 })).toBe(`unknown 'kind' 3 (one of circle, square)`)
    expect(complaint(Shape, {})).toBe("'kind' is missing (one of circle, square)")
    expect(complaint(Shape, { kind: 'constructor' })).toContain('one of circle, square')
  })
})

describe('problems', () => {
  it('gives the path, at most three errors, and the number of others', () => {
    const Nested = sealed('outer', { list: t.array(sealed('inner', { x: Finite })) })
    const bad = { x: 'no' }
    expect(complaint(Nested, { list: [{ x: 1 }, bad, bad, bad, bad] })).toBe(
      'list[1].x: expected a finite number, got "no"; list[2].x: expected a finite number, got "no"; ' +
        'list[3].x: expected a finite number, got "no"; and 1 more',
    )
  })
})

describe('AdvantageRow', () => {
  const row = { id: 'q0', rewards: [1, 0], logprobs: [[-1], [-2, -3]], entropy: 1.5 }

  it('takes rows with log-probs or a confidence, an entropy, features or neither, and columns of their own', () => {
    expect(complaint(AdvantageRow, row)).toBe('fine')
    expect(complaint(AdvantageRow, { id: 'a', rewards: [1, null], confidence: -2, features: [[1, 2]] })).toBe('fine')
    expect(complaint(AdvantageRow, { id: 'a', rewards: [1], problem: 'What is x?' })).toBe('fine')
    expect(complaint(AdvantageRow, { id: 'a', rewards: [1], entropy: null, confidence: null })).toBe('fine')
  })

  it.each<[string, unknown]>([
    ["'rewards' is missing", { id: 'a' }],
    ['rewards: the array is empty', { ...row, rewards: [] }],
    ['rewards: [1] is "x", expected a finite number or null', { ...row, rewards: [1, 'x'] }],
    ['rewards: [1] is Infinity, expected a finite number or null', { ...row, rewards: [1, 1e999] }],
    ['logprobs: [1]: the array is empty', { ...row, logprobs: [[-1], []] }],
    ['logprobs: [1][0] is null, expected a finite number', { ...row, logprobs: [[-1], [null]] }],
    [
      "'logprobs' has 1 rollouts and 'rewards' has 2: give one list of log-probs a reward",
      { ...row, logprobs: [[-1]] },
    ],
    ["both 'logprobs' and 'confidence' are given: leave one out", { ...row, confidence: 1 }],
    ["both 'features' and 'entropy' are given: leave one out", { ...row, features: [[1]] }],
    ['features: row 1 has 1 numbers, row 0 has 2', { id: 'a', rewards: [1], features: [[1, 2], [3]] }],
    ['features: [0]: the array is empty', { id: 'a', rewards: [1], features: [[]] }],
    ["unknown key 'logprob' (did you mean 'logprobs'?)", { id: 'a', rewards: [1], logprob: [[-1]] }],
    ['id: expected a non-empty text, got 7', { id: 7, rewards: [1] }],
    ['expected a record with id and rewards, got [1]', [1]],
  ])('says %s', (message, u) => {
    expect(complaint(AdvantageRow, u)).toBe(message)
  })
})

describe('AdvantageResult and FeatureRow', () => {
  it('take what the commands print and read', () => {
    const result = {
      id: 'a',
      advantages: [1, null],
      components: { grpo: [1, null] },
      perceptual: { entropy: null, bucket: null, std: 0.5 },
      reasoning: null,
    }
    expect(complaint(AdvantageResult, result)).toBe('fine')
    expect(complaint(AdvantageResult, { ...result, perceptual: { entropy: null, bucket: null } })).toBe(
      "perceptual: 'std' is missing",
    )
    expect(complaint(FeatureRow, { id: 'a', features: [[1], [2]] })).toBe('fine')
    expect(complaint(FeatureRow, { id: 'a', features: [1] })).toBe('features: [0]: expected an array of numbers')
  })
})
