import { type AdvantageResult, AdvantageResult as Result } from '@durian/core/codec'
import { either as E } from 'fp-ts'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { durianDefaults, estimator as estimatorOf, estimatorNames } from '@durian/core'
import { attempt, type Take } from '../effect.ts'
import { sentence, type TrainError } from '../errors.ts'
import { advantagesOptionsOf, type AdvantageFlags } from './advantageFlags.ts'
import { advantageLines, perPrompt } from './advantages.ts'
import { exitCodeOf } from './runCommand.ts'

const linesFrom = async function* (lines: ReadonlyArray<string>): AsyncGenerator<string> {
  yield* lines
}

type Row = Readonly<Record<string, unknown>>

/** The command over rows (or raw lines), with flags as typed. */
const advantages = (
  rows: ReadonlyArray<Row | string>,
  flags: AdvantageFlags = {},
  say: (sentence: string) => void = () => undefined,
): Promise<E.Either<{ code: number; message: string }, ReadonlyArray<AdvantageResult>>> =>
  attempt(async (take: Take<TrainError>) => {
    const options = await take(advantagesOptionsOf(flags))
    const found: Array<AdvantageResult> = []
    const lines = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)))
    for await (const line of advantageLines(linesFrom(lines), options, take, say))
      found.push(JSON.parse(line) as AdvantageResult)
    return found
  })().then(E.mapLeft((error) => ({ code: exitCodeOf(error), message: sentence(error) })))

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

  it('nothing comes out when a late row is bad, but for rows that need no others', async () => {
    const printed = async (flags: AdvantageFlags): Promise<number> => {
      let count = 0
      await attempt(async (take: Take<TrainError>) => {
        const options = await take(advantagesOptionsOf(flags))
        for await (const _ of advantageLines(linesFrom([JSON.stringify(row), 'oops']), options, take)) count++
      })()
      return count
    }
    expect(await printed({})).toBe(0)
    expect(await printed({ estimator: 'batch' })).toBe(0)
    expect(await printed({ estimator: 'grpo' })).toBe(1)
  })

  it('log-probs of some rows only, where tokens are counted, and parts that do not fit', async () => {
    const flags = { estimator: 'reinforce_plus_plus' }
    expect(await complaint([row, { id: 'b', rewards: [1, 0] }], flags)).toBe(
      "Standard input, line 2: it has no 'logprobs', and the rows before it have one.",
    )
    const gdpo = { estimator: 'gdpo' }
    const parts = [[1, 0]]
    expect(await complaint([{ id: 'a', rewards: [1, 0], parts: [[1]] }], gdpo)).toBe(
      "Standard input, line 1: an entry of 'parts' has 1 rollouts and 'rewards' has 2: give one number a reward.",
    )
    expect(await complaint([{ id: 'a', rewards: [1, 0], parts: [] }], gdpo)).toMatch(/'parts' is empty/)
    expect(
      await complaint(
        [
          { id: 'a', rewards: [1, 0] },
          { id: 'b', rewards: [1, 0], parts },
        ],
        gdpo,
      ),
    ).toBe("Standard input, line 2: it has a 'parts', and the rows before it have none.")
    expect(await complaint([{ id: 'a', rewards: [1, 0], parts }], { ...gdpo, reward_weights: '1,2' })).toBe(
      'Standard input, line 1: it has 1 rewards a rollout and --reward_weights has 2 numbers.',
    )
    expect(
      await complaint(
        [
          { id: 'a', rewards: [1, 0], parts: [...parts, ...parts] },
          { id: 'b', rewards: [1, 0], parts },
        ],
        gdpo,
      ),
    ).toBe('Standard input, line 2: it has 1 rewards a rollout, and the rows before it have 2.')
  })

  it('--on_error skip leaves them out, and says how many there were of each kind', async () => {
    const said: Array<string> = []
    const rows = [row, 'oops', { id: 'b', rewards: [] }, row, { id: 'c', rewards: [1, 0] }, { ...row, id: 'd' }]
    const result = await advantages(rows, { on_error: 'skip' }, (sentence) => said.push(sentence))
    expect(E.isRight(result) && result.right.map(({ id }) => id)).toEqual(['q0', 'd'])
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(
      /^Skipped 4 of 6 rows: 1 not JSON, 1 with a wrong or missing field, 1 with the id of an earlier line, 1 without what this estimator needs\. The first: Standard input, line 2: /,
    )
    said.length = 0
    await advantages([row], { on_error: 'skip' }, (sentence) => said.push(sentence))
    expect(said).toEqual([])
  })
})

describe('rows that need no others', () => {
  it.each(perPrompt)('%s gives each row of a batch what it gives the row alone', async (estimator) => {
    const rows = [
      { id: 'a', rewards: [1, 0, 0.5, null] },
      { id: 'b', rewards: [0.1, 0.9] },
      { id: 'c', rewards: [1, 1, 1] },
    ]
    const samples = rows.map(({ rewards }) => ({ rewards, entropy: null, confidence: null }))
    const batch = estimatorOf(estimator, durianDefaults)(samples)
    expect((await right(rows, { estimator })).map((line) => line.advantages)).toEqual(batch.advantages)
  })

  it('come out before the next line is read', async () => {
    const read: Array<number> = []
    const lines = async function* (): AsyncGenerator<string> {
      for (const id of [1, 2, 3]) {
        read.push(id)
        yield JSON.stringify({ id: String(id), rewards: [1, 0] })
      }
    }
    const seen: Array<number> = []
    await attempt(async (take: Take<TrainError>) => {
      const options = await take(advantagesOptionsOf({ estimator: 'rloo' }))
      for await (const _ of advantageLines(lines(), options, take)) seen.push(read.length)
    })()
    expect(seen).toEqual([1, 2, 3])
  })
})

describe('what rows bring besides rewards', () => {
  it('gdpo weighs the parts, reinforce_plus_plus counts tokens, and durian scales another base', async () => {
    const parts = [
      [1, 0, 0],
      [0, 0.1, 0],
    ]
    const rows = [
      { id: 'a', rewards: [1, 0.1, 0], parts },
      {
        id: 'b',
        rewards: [0, 1, 0],
        parts: [
          [0, 1, 0],
          [0, 0, 0],
        ],
      },
    ]
    const equal = await right(rows, { estimator: 'gdpo' })
    expect(equal[0]!.advantages[0]).toBeCloseTo(equal[0]!.advantages[1]!, 4)
    const first = await right(rows, { estimator: 'gdpo', reward_weights: '1,0' })
    expect(first[0]!.advantages[1]).toBeCloseTo(first[0]!.advantages[2]!, 12)

    const long = [{ id: 'a', rewards: [1, 0], logprobs: [[-1, -1, -1], [-1]] }]
    const plain = await right([{ id: 'a', rewards: [1, 0] }], { estimator: 'reinforce_plus_plus' })
    expect(plain[0]!.advantages[0]).toBeCloseTo(-plain[0]!.advantages[1]!, 12)
    const tokens = await right(long, { estimator: 'reinforce_plus_plus' })
    expect(3 * tokens[0]!.advantages[0]!).toBeCloseTo(-tokens[0]!.advantages[1]!, 12)

    const base = await right([{ id: 'a', rewards: [1, 0, 0], confidence: -1 }], { base: 'rloo', weights: '1,0,0' })
    expect(base[0]!.advantages).toEqual([1, -0.5, -0.5])
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
      `--confidence takes one of sequence-sum, token-mean (did you mean 'token-mean'?), not "token_mean".`,
      { confidence: 'token_mean' },
    ],
    [
      `--estimator takes one of ${estimatorNames.join(', ')} (did you mean 'grpo'?), not "gpro".`,
      { estimator: 'gpro' },
    ],
    ['--on_error takes one of fail, skip, not "ignore".', { on_error: 'ignore' }],
    ['--reward_weights takes finite numbers, such as 0.9,0.1, not "1,x".', { reward_weights: '1,x' }],
    ['--base belongs to --estimator durian, not to rloo: leave it out.', { base: 'grpo', estimator: 'rloo' }],
  ])('%s', async (message, flags) => {
    expect(await complaint([], flags)).toBe(message)
  })
})
