import { either as E } from 'fp-ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { givenInArgument, givenInText, type Given } from './layers.ts'
import { presetNames } from './presets.ts'
import { configText } from './readConfig.ts'
import { resolveConfig } from './resolveConfig.ts'
import { batchArithmetic, type TrainConfig } from './trainConfig.ts'

const base = 'model_name_or_path: m\ndataset: d.parquet\noutput_dir: out\n'

const given = (text: string, args: ReadonlyArray<string> = []): ReadonlyArray<Given> => {
  const file = givenInText(text, 'c.yaml')
  if (E.isLeft(file)) throw new Error(sentence(file.left))
  return [
    ...file.right,
    ...args.map((argument) => {
      const one = givenInArgument(argument)
      if (E.isLeft(one)) throw new Error(sentence(one.left))
      return one.right
    }),
  ]
}
const resolve = (text: string, args: ReadonlyArray<string> = []): TrainConfig => {
  const result = resolveConfig(given(text, args))
  if (E.isLeft(result)) throw new Error(sentence(result.left))
  return result.right
}
const refusal = (text: string, args: ReadonlyArray<string> = []): string => {
  const result = resolveConfig(given(text, args))
  return E.isLeft(result) ? sentence(result.left) : 'accepted'
}

describe('resolveConfig', () => {
  it('fills in the defaults', () => {
    const config = resolve(base)
    expect(config.num_generations).toBe(8)
    expect(config.durian.weights).toEqual([0.1, 0.2, 0.7])
    expect(config.sft).toBeNull()
    expect(config.resume).toBe('auto')
  })

  it('lets the command line go over the file, the file over the preset, the preset over the defaults', () => {
    const text = `${base}preset: paper-grpo\nbeta: 0.02\n`
    expect(resolve(text).beta).toBe(0.02)
    expect(resolve(text, ['beta=0']).beta).toBe(0)
    expect(resolve(text).generation_batch_size).toBe(4096)
    expect(resolve(text, ['preset=null']).generation_batch_size).toBe(256)
  })

  it('reads dotted arguments as YAML, and keeps a text a text', () => {
    const config = resolve(base, ['durian.weights=[1, 0, 0]', 'learning_rate=1e-5', 'output_dir=2026'])
    expect(config.durian.weights).toEqual([1, 0, 0])
    expect(config.learning_rate).toBe(1e-5)
    expect(config.output_dir).toBe('2026')
  })

  it('turns the cold start on with any of its keys and off with null', () => {
    expect(resolve(`${base}sft: {}\n`).sft?.batch_size).toBe(64)
    expect(resolve(base, ['sft.max_steps=3']).sft).toMatchObject({ max_steps: 3, batch_size: 64 })
    expect(resolve(`${base}sft:\n  max_steps: 3\n`, ['sft=null']).sft).toBeNull()
    expect(resolve(`${base}sft:\n  max_steps: 3\n`, ['sft={}']).sft?.max_steps).toBe(3)
    expect(resolve(`${base}sft: null\n`, ['sft.max_steps=3']).sft?.max_steps).toBe(3)
  })

  it("takes TRL's scale_rewards for an estimator, and refuses a disagreement", () => {
    expect(resolve(`${base}scale_rewards: group\n`).estimator).toBe('grpo')
    expect(resolve(`${base}scale_rewards: none\n`).estimator).toBe('dr_grpo')
    expect(resolve(`${base}preset: paper-dapo\nscale_rewards: batch\n`).estimator).toBe('batch')
    expect(resolve(`${base}estimator: batch\nscale_rewards: batch\n`).estimator).toBe('batch')
    expect(refusal(`${base}estimator: durian\nscale_rewards: group\n`)).toBe(
      'c.yaml line 5: scale_rewards group means estimator grpo, but c.yaml line 4 says estimator "durian"; leave one of the two out.',
    )
    expect(refusal(`${base}scale_rewards: all\n`)).toContain('expected one of group, batch, none')
  })

  it("takes EasyR1's names, and counts its prompts as completions", () => {
    const config = resolve(`${base}worker:\n  rollout:\n    n: 4\n    top_k: -1\ndata:\n  rollout_batch_size: 64\n`, [
      'worker.actor.global_batch_size=16',
      'per_device_train_batch_size=8',
      'worker.actor.loss_avg_mode=seq',
    ])
    expect(config).toMatchObject({ num_generations: 4, top_k: 0, generation_batch_size: 256 })
    expect(config.loss_aggregation).toBe('sequence-mean')
    expect(batchArithmetic(config)).toMatchObject({ promptsPerStep: 64, updateBatch: 64, updatesPerStep: 4 })
  })

  it('names line, key and mend of an unknown key', () => {
    expect(refusal(`${base}learning_rat: 1\n`)).toBe(
      "c.yaml line 4: unknown key 'learning_rat' (did you mean 'learning_rate'?).",
    )
    expect(refusal(`${base}durian:\n  wieghts: [1, 0, 0]\n`)).toBe(
      "c.yaml line 5: unknown key 'durian.wieghts' (did you mean 'durian.weights'?).",
    )
    expect(refusal(base, ['reasoning_groups=3'])).toContain("did you mean 'durian.reasoning_groups'?")
    expect(refusal(base, ['worker.rollout.tensor_parallel_size=2'])).toContain('EasyR1')
  })

  it('names line, key, value and expectation of a wrong value', () => {
    expect(refusal(`${base}num_generations: 1.5\n`)).toBe(
      'c.yaml line 4: num_generations is 1.5, expected a whole number of at least 1.',
    )
    expect(refusal(`${base}durian: 3\n`)).toBe('c.yaml line 4: durian is 3, expected a group of keys.')
    expect(refusal('dataset: d\noutput_dir: o\n')).toMatch(/^model_name_or_path is missing/)
    expect(refusal(`${base}preset: paper-gpro\n`)).toContain("did you mean 'paper-grpo'?")
  })

  it('refuses keys that do not fit together, before any compute', () => {
    expect(refusal(base, ['generation_batch_size=250'])).toContain('multiple of num_generations (8), e.g. 248')
    expect(refusal(base, ['per_device_train_batch_size=100'])).toMatch(/^per_device_train_batch_size \(100\)/)
    expect(refusal(base, ['per_device_train_batch_size=48'])).toContain('48 x 1 = 48')
    expect(refusal(base, ['num_generations=1'])).toContain('num_generations=2 or more')
    expect(refusal(base, ['reward_weights=[1]'])).toContain('one weight per function')
    expect(refusal(base, ['reward_funcs=[a, a]'])).toContain('names a twice')
    expect(refusal(base, ['durian.weights=[0, 0, 0]'])).toContain('durian.weights')
    expect(refusal(base, ['durian.perceptual_quantiles=[0.8, 0.2]'])).toContain('write [0.2, 0.8]')
    expect(refusal(base, ['soft_overlong.enabled=true', 'max_completion_length=8'])).toContain('soft_punish_cache')
    expect(refusal(base, ['from_scratch=true'])).toContain('add an sft section')
    expect(refusal(base, ['lr_scheduler_type=linear', 'warmup_steps=60'])).toContain('60 optimiser steps')
  })

  it('offers no preset that does not resolve', () => {
    for (const name of presetNames) expect(refusal(`${base}preset: ${name}\n`)).toBe('accepted')
  })

  it('refuses a loss that makes no sense, naming both keys and the mend', () => {
    expect(refusal(base, ['loss_type=cispo'])).toContain('needs epsilon_high')
    expect(refusal(base, ['loss_type=cispo', 'epsilon_high=2', 'cispo_min=3'])).toContain('cispo_min (3) must be below')
    expect(refusal(base, ['clip_ratio_c=3', 'delta=4'])).toContain('set one of them to null')
    expect(refusal(base, ['delta=1.1'])).toContain('above 1 + epsilon_high (1.2)')
    expect(refusal(base, ['loss_type=gspo', 'importance_sampling_level=token'])).toContain(
      'loss_type gspo, which is sequence',
    )
    expect(refusal(base, ['beta=0.1', 'kl.placement=reward', 'kl.estimator=k3+'])).toContain('use kl.estimator=k3.')
    expect(refusal(base, ['beta=0.1', 'kl.placement=reward', 'estimator=gdpo'])).toContain('use kl.placement=loss')
    expect(refusal(base, ['dynamic_sampling.enabled=true', 'dynamic_sampling.filter_key=accuracy'])).toContain(
      'is not one of reward_funcs (accuracy_reward, boxed_format_reward)',
    )
    expect(refusal(base, ['min_pixels=9', 'max_pixels=8'])).toBe('min_pixels (9) must not be above max_pixels (8).')
  })

  it('refuses a key that nothing reads where it was written, and drops it where a preset brought it', () => {
    expect(refusal(`${base}loss_type: sapo\nclip_ratio_c: 3\n`)).toBe(
      'c.yaml line 5: clip_ratio_c is 3 and does nothing, for loss_type sapo does not clip the objective; leave one of the two out.',
    )
    expect(refusal(base, ['kl.target=0.1'])).toContain('kl.target is 0.1 and does nothing, for beta is 0')
    expect(refusal(base, ['backend=tensorflow', 'wasm_threads=2'])).toContain(
      'wasm_threads is 2 and does nothing, for backend is tensorflow',
    )
    expect(refusal(base, ['backend=wasm', 'wasm_threads=0'])).toContain('wasm_threads is 0, expected a whole number')
    expect(refusal(base, ['sapo_temperature_pos=2'])).toContain('belongs to sapo, not to loss_type dapo')
    expect(refusal(base, ['dynamic_sampling.filter_low=0.2'])).toContain('dynamic_sampling.enabled is false')
    expect(refusal(base, ['reinforce_over=rollouts'])).toContain('the estimator is grpo')
    expect(refusal(base, ['eval_top_p=0.5'])).toContain('eval_temperature is 0')
    expect(resolve(base, ['preset=easyr1-grpo', 'loss_type=sapo'])).toMatchObject({ clip_ratio_c: null, epsilon: 0.2 })
    expect(resolve(base, ['preset=easyr1-grpo', 'beta=0']).kl.clamp).toBeNull()
    expect(resolve(base, ['preset=trl-dapo', 'beta=0.1']).use_bias_correction_kl).toBe(true)
  })

  it("takes TRL's multi_objective_aggregation for gdpo", () => {
    expect(resolve(base, ['multi_objective_aggregation=normalize_then_sum']).estimator).toBe('gdpo')
    expect(resolve(base, ['multi_objective_aggregation=sum_then_normalize']).estimator).toBe('durian')
    expect(refusal(base, ['multi_objective_aggregation=normalize_then_sum', 'scale_rewards=batch'])).toContain(
      'means estimator gdpo',
    )
    expect(refusal(base, ['multi_objective_aggregation=sum'])).toContain(
      'expected one of sum_then_normalize, normalize_then_sum',
    )
  })

  it("reads EasyR1's algorithm as EasyR1 does", () => {
    const easyR1 = (...args: ReadonlyArray<string>) => resolve(base, args)
    expect(
      easyR1('worker.actor.loss_type=cispo', 'worker.actor.clip_ratio_low=0', 'worker.actor.clip_ratio_high=4'),
    ).toMatchObject({ loss_type: 'cispo', cispo_min: 1, epsilon_high: 5 })
    expect(
      easyR1(
        'algorithm.disable_kl=true',
        'algorithm.use_kl_loss=true',
        'algorithm.kl_penalty=low_var_kl',
        'algorithm.kl_coef=1e-2',
      ),
    ).toMatchObject({ beta: 0, kl: { estimator: null, clamp: null } })
    expect(
      easyR1(
        'algorithm.disable_kl=false',
        'algorithm.use_kl_loss=true',
        'algorithm.kl_penalty=low_var_kl',
        'algorithm.kl_coef=1e-2',
      ),
    ).toMatchObject({ beta: 0.01, kl: { placement: 'loss', estimator: 'k3', clamp: [20, 10], target: null } })
    expect(
      easyR1(
        'algorithm.adv_estimator=reinforce_plus_plus',
        'algorithm.use_kl_loss=false',
        'algorithm.kl_penalty=kl',
        'algorithm.kl_coef=1e-3',
        'algorithm.kl_type=adaptive',
        'algorithm.kl_target=0.2',
      ),
    ).toMatchObject({
      estimator: 'reinforce_plus_plus',
      beta: 1e-3,
      kl: { placement: 'reward', estimator: 'k1', target: 0.2 },
    })
    expect(
      easyR1('algorithm.online_filtering=true', 'algorithm.filter_key=accuracy', 'trainer.max_try_make_batch=20'),
    ).toMatchObject({
      dynamic_sampling: { enabled: true, filter: 'mean_reward', filter_key: 'accuracy_reward', max_resample_times: 19 },
    })
    expect(easyR1('worker.reward.reward_function=./examples/reward_function/math.py:compute_score')).toMatchObject({
      reward_funcs: ['math'],
      reward_weights: [1],
    })
    expect(refusal(base, ['worker.reward.reward_function=./mine.py:score'])).toContain(
      'reward_funcs is "./mine.py:score"',
    )
    expect(easyR1('algorithm.online_filtering=false', 'trainer.max_try_make_batch=20').dynamic_sampling).toMatchObject({
      enabled: false,
      max_resample_times: 3,
    })
  })

  it('says line and column of a syntax error', () => {
    const result = givenInText('a: 1\nb: [1, 2\nc: 3\n', 'c.yaml')
    expect(E.isLeft(result) && sentence(result.left)).toMatch(/^c\.yaml line \d+, column \d+: .+\.$/)
    const list = givenInText('- 1\n', 'c.yaml')
    expect(E.isLeft(list) && sentence(list.left)).toContain('group of "key: value" lines')
  })

  it('property: what is written is read back to the same configuration', () => {
    const argument = fc.constantFrom(
      'preset=demo',
      'preset=paper-dapo',
      'sft.max_steps=7',
      'sft=null',
      'epsilon_high=0.28',
      'resume=false',
      'adam_epsilon=1e-12',
      'std_epsilon=0',
      'scale_rewards=none',
      'seed=9007199254740991',
      'output_dir="12"',
      'output_dir=null x',
      'durian.weights=[0.15, 0.25, 0.6]',
      'dynamic_sampling.enabled=true',
      'save_total_limit=null',
    )
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 6 }), (args) => {
        const config = resolve(base, args)
        expect(resolve(configText(config))).toEqual(config)
      }),
      { seed: 2, numRuns: 200 },
    )
  })
})
