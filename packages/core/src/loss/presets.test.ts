import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { composed } from '../durian/compose.ts'
import { composition } from '../durian/compositions.ts'
import { referenceOps as ops, type RefTensor } from '../ops/reference.ts'
import { policyLoss } from './policyLoss.ts'
import { type Preset, presetLoss, presetNames, presets } from './presets.ts'
import { aggregateOf, surrogateOf } from './specs.ts'
import { batchTotals, type TokenBatch } from './tokenBatch.ts'

type Rows = ReadonlyArray<ReadonlyArray<number>>
interface Losses extends Readonly<Record<'logprob' | 'old' | 'ref', Rows>> {
  readonly lengths: ReadonlyArray<number>
  readonly advantages: ReadonlyArray<number>
  readonly trl: Readonly<Record<string, { readonly loss: number }>>
  readonly verl: Readonly<Record<string, { readonly loss: number }>>
}
const goldenOf = <A>(name: string): A =>
  JSON.parse(readFileSync(new URL(`../../goldens/${name}.json`, import.meta.url), 'utf8')) as A
const losses = goldenOf<Losses>('peers_losses')
const { rewards, trl } = goldenOf<{ readonly rewards: Rows; readonly trl: Readonly<Record<'group' | 'none', Rows>> }>(
  'peers_advantages',
)
const easyr1 = goldenOf<{ readonly rewards: Rows; readonly grpo: Rows }>('easyr1_advantages')

const tensor = (rows: Rows): RefTensor => ops.fromHost({ shape: [rows.length, rows[0]!.length], data: rows.flat() })
const batch: TokenBatch<RefTensor> = {
  logprob: tensor(losses.logprob),
  oldLogprob: tensor(losses.old),
  refLogprob: tensor(losses.ref),
  advantage: tensor(losses.advantages.map((advantage) => [advantage])),
  mask: tensor(losses.lengths.map((length) => losses.logprob[0]!.map((_, t) => (t < length ? 1 : 0)))),
}
const valueOf = (preset: Preset) =>
  policyLoss(presetLoss(preset, { maxCompletionLength: 10 }))(ops, batchTotals(losses.lengths))(batch).value.data[0]!
const advantagesOf = ({ estimator: { name, ...std } }: Preset, given: Rows) =>
  name === 'durian' ? [] : composed(composition(name, std), std)(given)

const apart = (actual: ReadonlyArray<ReadonlyArray<number | null>>, expected: Rows) =>
  Math.max(...expected.flatMap((row, s) => row.map((value, i) => Math.abs(actual[s]![i]! - value))))

describe('presets', () => {
  it('golden: their advantages are those of their frameworks', () => {
    expect(apart(advantagesOf(presets['easyr1-grpo'], easyr1.rewards), easyr1.grpo)).toBeLessThan(1e-10)
    for (const name of ['trl-grpo', 'trl-dapo', 'trl-cispo'] as const)
      expect(apart(advantagesOf(presets[name], rewards), trl.group)).toBeLessThan(1e-10)
    expect(apart(advantagesOf(presets['trl-dr-grpo'], rewards), trl.none)).toBeLessThan(1e-10)
    expect(apart(advantagesOf(presets['verl-grpo'], easyr1.rewards), easyr1.grpo)).toBeLessThan(1e-10)
  })

  it("golden: their losses are those of their frameworks, where those were run with the preset's own numbers", () => {
    const wide = { type: 'clipped', low: 0.2, high: 0.28 } as const
    expect(valueOf({ ...presets['trl-grpo'], surrogate: wide })).toBeCloseTo(losses.trl['grpo']!.loss, 9)
    expect(valueOf({ ...presets['trl-dapo'], surrogate: wide })).toBeCloseTo(losses.trl['dapo']!.loss, 9)
    expect(valueOf({ ...presets['trl-dr-grpo'], surrogate: wide })).toBeCloseTo(losses.trl['dr_grpo']!.loss, 9)
    expect(valueOf({ ...presets['trl-cispo'], surrogate: { type: 'cispo', max: 1.2 } })).toBeCloseTo(
      losses.trl['cispo']!.loss,
      9,
    )
    expect(valueOf(presets['easyr1-dapo'])).toBeCloseTo(losses.verl['vanilla token-mean']!.loss, 9)
    expect(valueOf({ ...presets['verl-grpo'], surrogate: { ...wide, dual: 3 }, kl: null })).toBeCloseTo(
      losses.verl['vanilla token-mean']!.loss,
      9,
    )
    expect(valueOf({ ...presets['trl-grpo'], surrogate: wide, kl: { beta: 0.3 } })).toBeCloseTo(
      losses.trl['kl']!.loss,
      9,
    )
  })

  it('have the clip ranges, coefficients and means that their sources name', () => {
    const numbers = Object.fromEntries(
      presetNames.map((name) => {
        const { estimator, surrogate, aggregate, kl }: Preset = presets[name]
        const clip = surrogate.type === 'clipped' ? [surrogate.low, surrogate.high, surrogate.dual] : [surrogate]
        return [name, [estimator.name, estimator.epsilon, ...clip, aggregate, kl ?? undefined]]
      }),
    )
    const k3 = { estimator: 'k3', clamp: { difference: 20, estimate: 10 } }
    expect(numbers).toEqual({
      'easyr1-grpo': ['grpo', 1e-6, 0.2, 0.3, 3, 'token-mean', { ...k3, beta: 0.01 }],
      'easyr1-dapo': ['grpo', 1e-6, 0.2, 0.28, 3, 'token-mean', undefined],
      'trl-grpo': ['grpo', 1e-4, 0.2, 0.2, undefined, 'sequence-mean', undefined],
      'trl-dapo': ['grpo', 1e-4, 0.2, 0.2, undefined, 'token-mean', undefined],
      'trl-dr-grpo': ['dr_grpo', 1e-4, 0.2, 0.2, undefined, 'fixed-length', undefined],
      'trl-cispo': ['grpo', 1e-4, { type: 'cispo', max: 5 }, 'token-mean', undefined],
      'verl-grpo': ['grpo', 1e-6, 0.2, 0.2, 3, 'token-mean', { ...k3, beta: 0.001 }],
      'paper-grpo': ['durian', 1e-6, 0.2, 0.3, 3, 'sequence-mean', { ...k3, beta: 0.01 }],
      'paper-dapo': ['durian', 1e-6, 0.2, 0.28, 3, 'token-mean', undefined],
    })
  })

  it('name where their numbers stand, and are plain data', () => {
    for (const name of presetNames) {
      const preset: Preset = presets[name]
      for (const source of preset.sources)
        expect(source, name).toMatch(/^((EasyR1@b44b311|trl@v1\.10\.0) \S|verl(@v0\.8\.0)? \S|paper, eq\. \d)/)
      expect(preset.sources.length, name).toBeGreaterThan(1)
      const [first] = preset.differences
      if (preset.estimator.name !== 'durian') expect(first, name).toMatch(/constant group has advantage exactly 0/)
      expect(JSON.parse(JSON.stringify(preset))).toEqual(preset)
    }
    expect(presets['easyr1-dapo'].sources.slice(0, 2)).toEqual(presets['easyr1-grpo'].sources.slice(0, 2))
  })
})

describe('specs', () => {
  it('stand for the surrogate and the aggregate they name', () => {
    const objective = (surrogate: Preset['surrogate']) => Array.from(surrogateOf(surrogate)(ops, batch).objective.data)
    expect(objective({ type: 'policy-gradient' })[0]).toBeCloseTo(losses.advantages[0]! * losses.logprob[0]![0]!, 14)
    expect(objective({ type: 'sapo' })).not.toEqual(objective({ type: 'cispo', max: 5 }))
    const x = tensor([
      [1, 99],
      [2, 3],
    ])
    const mask = tensor([
      [1, 0],
      [1, 1],
    ])
    const reduced = (['sequence-mean', 'token-mean', 'sequence-sum', 'fixed-length'] as const).map(
      (spec) => aggregateOf(spec, { maxCompletionLength: 4 })(ops, x, mask, batchTotals([1, 2])).data[0],
    )
    expect(reduced).toEqual([1.75, 2, 3, 0.75])
  })
})
