import { type AdvantageResult, AdvantageResult as Result } from '@durian/core/codec'
import { either as E } from 'fp-ts'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { advantagesOptionsOf, type AdvantageFlags } from './advantageFlags.ts'
import { runAdvantages } from './advantages.ts'
import { exitCodeOf } from './runCommand.ts'

const linesFrom = async function* (lines: ReadonlyArray<string>): AsyncGenerator<string> {
  yield* lines
}

type Row = Readonly<Record<string, unknown>>

/** The command over rows (or raw lines), with flags as typed. */
const advantages = (
  rows: ReadonlyArray<Row | string>,
  flags: AdvantageFlags = {},
): Promise<E.Either<{ code: number; message: string }, ReadonlyArray<AdvantageResult>>> => {
  const failure = E.mapLeft((error: Parameters<typeof sentence>[0]) => ({
    code: exitCodeOf(error),
    message: sentence(error),
  }))
  const options = advantagesOptionsOf(flags)
  if (E.isLeft(options)) return Promise.resolve(failure(options))
  const lines = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)))
  return runAdvantages(linesFrom(lines), options.right)().then((result) =>
    failure(E.map((out: Iterable<string>) => Array.from(out, (line) => JSON.parse(line) as AdvantageResult))(result)),
  )
}

const right = async (rows: ReadonlyArray<Row | string>, flags: AdvantageFlags = {}) => {
  const result = await advantages(rows, flags)
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

const complaint = async (rows: ReadonlyArray<Row | string>, flags: AdvantageFlags = {}): Promise<string> => {
  const result = await advantages(rows, flags)
  if (E.isRight(result)) return 'fine'
  expect(result.left.code).toBe(2)
  expect(result.left.message).not.toContain('\n')
  return result.left.message
}

const row = { id: 'q0', rewards: [1, 0], logprobs: [[-1], [-2, -3]], entropy: 1.5 }

interface ReferenceCase {
  readonly name: string
  readonly weights: ReadonlyArray<number>
  readonly groups: number
  readonly confidence: 'sum' | 'mean'
  readonly rows: ReadonlyArray<Row>
  readonly expected: ReadonlyArray<AdvantageResult>
}

const reference = JSON.parse(
  readFileSync(new URL('../../../core/goldens/durian_reference.json', import.meta.url), 'utf8'),
) as ReadonlyArray<ReferenceCase>

/** Same keys, lists and texts; numbers to 1e-9. */
const expectNear = (actual: unknown, expected: unknown): void => {
  if (typeof expected === 'number') {
    expect(Math.abs((actual as number) - expected)).toBeLessThan(1e-9)
  } else if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object).sort()).toEqual(Object.keys(expected).sort())
    for (const [key, value] of Object.entries(expected)) expectNear((actual as Row)[key], value)
  } else expect(actual).toBe(expected)
}

describe('durian advantages', () => {
  it.each(reference.map((one) => [one.name, one] as const))(
    'golden: prints the NumPy reference’s lines for %s',
    async (_, one) => {
      const flags = {
        weights: one.weights.join(','),
        reasoning_groups: String(one.groups),
        confidence: one.confidence === 'sum' ? 'sequence-sum' : 'token-mean',
      }
      expectNear(await right(one.rows, flags), one.expected)
    },
  )

  it('prints a line a prompt in input order, every line as its codec wants it, and skips empty lines', async () => {
    const found = await right([{ ...row, id: 'b' }, '', { ...row, id: 'a' }, '  ', row])
    expect(found.map(({ id }) => id)).toEqual(['b', 'a', 'q0'])
    for (const line of found) expect(Result.is(line)).toBe(true)
  })

  it('has nothing to print for no rows', async () => {
    expect(await right([])).toEqual([])
  })

  it('a prompt without an image has no bucket and its own std', async () => {
    const found = await right([row, { id: 'text', rewards: [3, 1], confidence: -1 }])
    expect(found[1]!.perceptual).toEqual({ entropy: null, bucket: null, std: Math.SQRT2 })
    expect(found[1]!.components['perceptual']).toEqual(found[1]!.components['grpo'])
    expect(found[1]!.reasoning!.bucket).toBe(11)
  })

  it('a null reward is null in place, and its rollout counts for nothing, its log-probs included', async () => {
    const found = await right([{ ...row, rewards: [1, null, 0], logprobs: [[-1], [-100], [-2, -3]] }])
    const without = await right([row])
    expect(found[0]!.advantages).toEqual([without[0]!.advantages[0], null, without[0]!.advantages[1]])
    for (const component of Object.values(found[0]!.components)) expect(component[1]).toBeNull()
    expect(found[0]!.reasoning).toEqual(without[0]!.reasoning)
    expect(found[0]!.reasoning!.confidence).toBe(-3)
  })

  it('a constant group and a lone rollout give exactly 0, and their own std is exactly 0', async () => {
    const found = await right([
      { id: 'same', rewards: new Array<number>(7).fill(0.9), confidence: -1 },
      { id: 'lone', rewards: [0.3], confidence: -2 },
    ])
    for (const { advantages: values, perceptual } of found) {
      expect(values.every((value) => value === 0)).toBe(true)
      expect(perceptual!.std).toBe(0)
    }
  })

  it('other estimators print their own component only and need no log-probs', async () => {
    const bare = { id: 'a', rewards: [1, 0, 0, 0] }
    for (const estimator of ['grpo', 'dr_grpo', 'batch', 'rloo', 'none']) {
      const [line] = await right([bare], { estimator })
      expect(Object.keys(line!.components)).toEqual([estimator])
      expect(line!.components[estimator]).toEqual(line!.advantages)
      expect([line!.perceptual, line!.reasoning]).toEqual([null, null])
    }
    expect((await right([bare], { estimator: 'dr_grpo' }))[0]!.advantages).toEqual([0.75, -0.25, -0.25, -0.25])
    expect((await right([bare], { estimator: 'grpo', epsilon: '0' }))[0]!.advantages).toEqual([1.5, -0.5, -0.5, -0.5])
  })

  it('reads features as it reads their entropy', async () => {
    const features = [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]
    const [line] = await right([{ id: 'a', rewards: [1, 0], confidence: -1, features }])
    expect(line!.perceptual!.entropy).toBeCloseTo(Math.LN2, 14)
  })
})

describe('bad rows end with exit code 2, one sentence and the line', () => {
  it.each<[string, ReadonlyArray<Row | string>]>([
    ['Standard input, line 2: logprobs: [1]: the array is empty.', [row, { ...row, id: 'b', logprobs: [[-1], []] }]],
    [
      "Standard input, line 1: 'logprobs' has 1 rollouts and 'rewards' has 2: give one list of log-probs a reward.",
      [{ ...row, logprobs: [[-1]] }],
    ],
    ['Standard input, line 3: the id "q0" is also on line 1: give each row an id of its own.', [row, '', row]],
    [
      'Standard input, line 1: entropy: expected a finite number or null, got Infinity.',
      ['{"id":"a","rewards":[1],"confidence":1,"entropy":1e999}'],
    ],
    ["Standard input, line 1: unknown key 'reward' (did you mean 'rewards'?).", [{ id: 'a', reward: [1] }]],
    [
      "Standard input, line 1: it has neither 'logprobs' nor 'confidence', which the reasoning weight 0.7 needs: add one, or set the third of --weights to 0.",
      [{ id: 'a', rewards: [1, 0] }],
    ],
  ])('%s', async (message, rows) => {
    expect(await complaint(rows)).toBe(message)
  })

  it('no JSON, and NaN with its mend', async () => {
    expect(await complaint(['{"id": '])).toMatch(
      /^Standard input, line 1: it is not JSON \(.*\): write one JSON object a line\.$/,
    )
    expect(await complaint(['{"id": "a", "rewards": [NaN]}'])).toMatch(/NaN and Infinity are not JSON; write null/)
    expect(await complaint(['{"id": "NaN", "rewards": [}'])).not.toMatch(/NaN and Infinity/)
  })

  it('a reasoning weight of 0 needs no confidence', async () => {
    const [line] = await right([{ id: 'a', rewards: [1, 0] }], { weights: '1,0,0' })
    expect(line!.reasoning).toEqual({ confidence: null, bucket: null, std: Math.SQRT1_2 })
  })

  it('nothing comes out when a late row is bad', async () => {
    const options = advantagesOptionsOf({})
    if (E.isLeft(options)) throw new Error('defaults')
    const result = await runAdvantages(linesFrom([JSON.stringify(row), 'oops']), options.right)()
    expect(E.isLeft(result)).toBe(true)
  })
})

describe('flags', () => {
  it('epsilon and std_epsilon are one number, ddof and weights are taken at their word', async () => {
    const two = { id: 'a', rewards: [1, 3], confidence: 0 }
    const flags = { estimator: 'grpo', ddof: '0' }
    expect((await right([two], { ...flags, epsilon: '1' }))[0]!.advantages).toEqual([-0.5, 0.5])
    expect((await right([two], { ...flags, std_epsilon: '1' }))[0]!.advantages).toEqual([-0.5, 0.5])
    expect((await right([two], { weights: '0,0,0' }))[0]!.advantages.every((value) => value === 0)).toBe(true)
    expect(await complaint([], { epsilon: '1', std_epsilon: '2' })).toMatch(/two names of one number/)
    expect(await complaint([], { epsilon: '1', std_epsilon: '1.0' })).toBe('fine')
  })

  it('perceptual_quantiles, reasoning_groups and confidence reach the buckets', async () => {
    const rows = [1, 2, 3, 4].map((i) => ({ id: `q${i}`, rewards: [1, 0], entropy: i, logprobs: [[-i, -i], [-i]] }))
    const found = await right(rows, {
      perceptual_quantiles: '0.5,0.5',
      reasoning_groups: '2',
      confidence: 'token-mean',
    })
    expect(found.map((line) => line.perceptual!.bucket)).toEqual([0, 0, 2, 2])
    expect(found.map((line) => line.reasoning!.bucket)).toEqual([1, 1, 0, 0])
    expect(found[2]!.reasoning!.confidence).toBe(-3)
  })

  it.each<[string, AdvantageFlags]>([
    ['--weights takes three numbers of at least 0, such as 0.1,0.2,0.7, not "1,0".', { weights: '1,0' }],
    ['--weights takes three numbers of at least 0, such as 0.1,0.2,0.7, not "1,,0".', { weights: '1,,0' }],
    ['--weights takes three numbers of at least 0, such as 0.1,0.2,0.7, not "1,-1,0".', { weights: '1,-1,0' }],
    [
      '--perceptual_quantiles takes two fractions from 0 to 1 in order, such as 0.25,0.75, not "0.8,0.2".',
      { perceptual_quantiles: '0.8,0.2' },
    ],
    ['--reasoning_groups takes a whole number of at least 1, not "0".', { reasoning_groups: '0' }],
    ['--epsilon takes a number of at least 0, not "-1".', { epsilon: '-1' }],
    ['--ddof takes one of 0, 1, not "2".', { ddof: '2' }],
    [
      '--confidence takes one of sequence-sum, token-mean (did you mean token-mean?), not "token_mean".',
      { confidence: 'token_mean' },
    ],
    [
      '--estimator takes one of durian, grpo, dr_grpo, batch, rloo, none (did you mean grpo?), not "gpro".',
      { estimator: 'gpro' },
    ],
  ])('%s', async (message, flags) => {
    expect(await complaint([], flags)).toBe(message)
  })
})
