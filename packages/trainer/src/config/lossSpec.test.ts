import { readFileSync } from 'node:fs'
import {
  batchTotals,
  policyLoss,
  type Preset,
  presetLoss,
  presetNames as corePresetNames,
  presets as corePresets,
  referenceOps as ops,
} from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { givenInArgument } from './layers.ts'
import { lossOptions, lossSpec } from './lossSpec.ts'
import { presetNames } from './presets.ts'
import { resolveConfig } from './resolveConfig.ts'
import type { TrainConfig } from './trainConfig.ts'

const resolved = (...args: ReadonlyArray<string>): TrainConfig => {
  const given = ['model_name_or_path=m', 'dataset=d', 'output_dir=o', ...args].map((argument) => {
    const one = givenInArgument(argument)
    if (E.isLeft(one)) throw new Error(sentence(one.left))
    return one.right
  })
  const config = resolveConfig(given)
  if (E.isLeft(config)) throw new Error(sentence(config.left))
  return config.right
}

/** The frameworks' own losses of one batch of rollouts; core's `goldens/make_peers.py` made them. */
interface Losses extends Readonly<Record<'logprob' | 'old' | 'ref', ReadonlyArray<ReadonlyArray<number>>>> {
  readonly lengths: ReadonlyArray<number>
  readonly advantages: ReadonlyArray<number>
  readonly trl: Readonly<Record<string, { readonly loss: number }>>
  readonly verl: Readonly<Record<string, { readonly loss: number }>>
}
const losses = JSON.parse(
  readFileSync(new URL('../../../core/goldens/peers_losses.json', import.meta.url), 'utf8'),
) as Losses

const tensor = (rows: ReadonlyArray<ReadonlyArray<number>>) =>
  ops.fromHost({ shape: [rows.length, rows[0]!.length], data: rows.flat() })
const batch = {
  logprob: tensor(losses.logprob),
  oldLogprob: tensor(losses.old),
  refLogprob: tensor(losses.ref),
  advantage: tensor(losses.advantages.map((advantage) => [advantage])),
  mask: tensor(losses.lengths.map((length) => losses.logprob[0]!.map((_, t) => (t < length ? 1 : 0)))),
  entropy: tensor(losses.logprob.map((row) => row.map((logprob) => -logprob))),
}
const valueUnder = (options: ReturnType<typeof presetLoss>): number =>
  policyLoss(options)(ops, batchTotals(losses.lengths))(batch).value.data[0]!
const valueOf = (...args: ReadonlyArray<string>): number => {
  const config = resolved('max_completion_length=10', ...args)
  return valueUnder(lossOptions(config, { beta: config.beta, entropyThreshold: null }))
}

describe('the loss of a preset', () => {
  it.each(corePresetNames)("golden: %s has the arithmetic of core's preset of that name", (name) => {
    const preset: Preset = corePresets[name]
    const config = resolved(`preset=${name}`, 'max_completion_length=10')
    const mine = valueUnder(lossOptions(config, { beta: config.beta, entropyThreshold: null }))
    expect(mine).toBe(valueUnder(presetLoss(preset, { maxCompletionLength: 10 })))
    const { estimator, std_epsilon, ddof } = config
    expect({ name: estimator, epsilon: std_epsilon, ddof }).toEqual(preset.estimator)
    const { aggregate, kl, entropyCoefficient } = lossSpec(config)
    expect({ aggregate, kl, entropyCoefficient }).toEqual({
      aggregate: preset.aggregate,
      kl: preset.kl,
      entropyCoefficient: preset.entropyCoefficient,
    })
  })

  it("golden: is the loss of the framework, where that was run with the preset's numbers", () => {
    expect(valueOf('preset=easyr1-dapo')).toBeCloseTo(losses.verl['vanilla token-mean']!.loss, 9)
    expect(valueOf('preset=paper-dapo')).toBeCloseTo(losses.verl['vanilla token-mean']!.loss, 9)
    expect(valueOf('preset=verl-grpo', 'epsilon_high=0.28', 'beta=0')).toBeCloseTo(
      losses.verl['vanilla token-mean']!.loss,
      9,
    )
    expect(valueOf('preset=trl-grpo', 'epsilon_high=0.28')).toBeCloseTo(losses.trl['grpo']!.loss, 9)
    expect(valueOf('preset=trl-dapo', 'epsilon_high=0.28')).toBeCloseTo(losses.trl['dapo']!.loss, 9)
    expect(valueOf('preset=dr-grpo', 'epsilon_high=0.28')).toBeCloseTo(losses.trl['dr_grpo']!.loss, 9)
    expect(valueOf('preset=trl-cispo', 'epsilon_high=1.2')).toBeCloseTo(losses.trl['cispo']!.loss, 9)
    expect(valueOf('preset=trl-grpo', 'epsilon_high=0.28', 'beta=0.3', 'use_bias_correction_kl=false')).toBeCloseTo(
      losses.trl['kl']!.loss,
      9,
    )
  })

  it('covers every preset of core', () => {
    expect(corePresetNames.filter((name) => !(presetNames as ReadonlyArray<string>).includes(name))).toEqual([])
  })
})

describe('lossSpec', () => {
  const surrogateOf = (...args: ReadonlyArray<string>) => lossSpec(resolved(...args)).surrogate

  it('hands every number of the clip on', () => {
    expect(surrogateOf('epsilon=0.1', 'epsilon_high=0.3', 'clip_ratio_c=4')).toEqual({
      type: 'clipped',
      low: 0.1,
      high: 0.3,
      dual: 4,
      level: 'token',
    })
    expect(surrogateOf('delta=2')).toEqual({ type: 'clipped', low: 0.2, high: 0.2, delta: 2, level: 'token' })
    expect(surrogateOf('loss_type=cispo', 'epsilon_high=5', 'cispo_min=1')).toEqual({ type: 'cispo', max: 5, min: 1 })
    expect(surrogateOf('loss_type=sapo', 'sapo_temperature_pos=2', 'sapo_temperature_neg=3')).toEqual({
      type: 'sapo',
      positive: 2,
      negative: 3,
    })
    expect(surrogateOf('loss_type=policy_gradient')).toEqual({ type: 'policy-gradient' })
  })

  it("takes TRL's level for any ratio, and an aggregation for any surrogate", () => {
    const gspo = lossSpec(resolved('loss_type=gspo', 'epsilon=3e-4', 'epsilon_high=4e-4'))
    expect(
      lossSpec(resolved('loss_type=grpo', 'importance_sampling_level=sequence', 'epsilon=3e-4', 'epsilon_high=4e-4')),
    ).toEqual(gspo)
    expect(surrogateOf('loss_type=sapo', 'importance_sampling_level=sequence')).toMatchObject({ level: 'sequence' })
    expect(surrogateOf('loss_type=grpo', 'importance_sampling_level=sequence_token')).toEqual(
      surrogateOf('loss_type=gspo_token'),
    )
    expect(lossSpec(resolved('loss_aggregation=sequence-sum')).aggregate).toBe('sequence-sum')
    expect(lossSpec(resolved('loss_type=gspo')).aggregate).toBe('sequence-mean')
  })

  it('has a penalty in the loss only, with the estimator, the limits and the weight it was asked for', () => {
    expect(lossSpec(resolved('beta=0.1')).kl).toEqual({ estimator: 'k3', beta: 0.1 })
    expect(
      lossSpec(resolved('beta=0.1', 'kl.estimator=k1+', 'kl.clamp=[20, 10]', 'use_bias_correction_kl=true')).kl,
    ).toEqual({ estimator: 'k1+', beta: 0.1, clamp: { difference: 20, estimate: 10 }, weightedBy: 'token' })
    expect(lossSpec(resolved('beta=0.1', 'use_bias_correction_kl=true', 'loss_type=gspo')).kl).toMatchObject({
      weightedBy: 'sequence',
    })
    expect(lossSpec(resolved('beta=0.1', 'kl.placement=reward')).kl).toBeNull()
    expect(lossSpec(resolved('entropy_coef=0.01')).entropyCoefficient).toBe(0.01)
  })

  it('the coefficient of the moment takes the place of beta', () => {
    const config = resolved('beta=0.1')
    expect(lossOptions(config, { beta: 0.3, entropyThreshold: null }).kl).toMatchObject({ beta: 0.3 })
  })

  it('masks only where it is asked to', () => {
    const none = resolved()
    expect(lossOptions(none, { beta: 0, entropyThreshold: null }).weights).toBeUndefined()
    expect(lossOptions(none, { beta: 0, entropyThreshold: 0.1 }).weights).toHaveLength(1)
    const masked = resolved('off_policy_mask_threshold=0.5')
    expect(lossOptions(masked, { beta: 0, entropyThreshold: 0.1 }).weights).toHaveLength(2)
  })
})
