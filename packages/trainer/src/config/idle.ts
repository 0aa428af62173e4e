import { trainFields } from './fields.ts'
import { lossSpec } from './lossSpec.ts'
import { leaves, REQUIRED } from './table.ts'
import type { TrainConfig } from './trainConfig.ts'

/** A key with a value of its own that nothing reads, and why. */
export interface Idle {
  readonly key: string
  /** A clause: "loss_type sapo has no clip". */
  readonly because: string
}

interface Rule {
  readonly keys: ReadonlyArray<string>
  /** Why nothing reads the keys; undefined = something does. */
  readonly because: (config: TrainConfig) => string | undefined
}

const unless = (read: boolean, because: string): string | undefined => (read ? undefined : because)
const lossType = ({ loss_type }: TrainConfig): string => `loss_type ${loss_type}`
const surrogate = (config: TrainConfig): string =>
  config.loss_type === 'cispo' && config.epsilon_high === null ? 'cispo' : lossSpec(config).surrogate.type
const estimatorOf = ({ estimator, durian }: TrainConfig): string => (estimator === 'durian' ? durian.base : estimator)

const rules: ReadonlyArray<Rule> = [
  {
    keys: ['epsilon', 'clip_ratio_c', 'delta'],
    because: (c) => unless(surrogate(c) === 'clipped', `${lossType(c)} does not clip the objective`),
  },
  {
    keys: ['epsilon_high'],
    because: (c) => unless(['clipped', 'cispo'].includes(surrogate(c)), `${lossType(c)} does not clip`),
  },
  {
    keys: ['cispo_min'],
    because: (c) => unless(surrogate(c) === 'cispo', `it belongs to cispo, not to ${lossType(c)}`),
  },
  {
    keys: ['sapo_temperature_pos', 'sapo_temperature_neg'],
    because: (c) => unless(surrogate(c) === 'sapo', `it belongs to sapo, not to ${lossType(c)}`),
  },
  {
    keys: ['importance_sampling_level'],
    because: (c) => unless(surrogate(c) !== 'policy-gradient', `${lossType(c)} has no probability ratio`),
  },
  {
    keys: ['kl.placement', 'kl.estimator', 'kl.clamp', 'kl.target', 'kl.horizon', 'use_bias_correction_kl'],
    because: (c) => unless(c.beta > 0, 'beta is 0'),
  },
  {
    keys: ['kl.clamp', 'use_bias_correction_kl'],
    because: (c) => unless(c.kl.placement === 'loss', 'kl.placement is reward'),
  },
  { keys: ['kl.horizon'], because: (c) => unless(c.kl.target !== null, 'kl.target is null') },
  {
    keys: ['wasm_threads'],
    because: (c) => unless(['auto', 'wasm'].includes(c.backend), `backend is ${c.backend}`),
  },
  { keys: ['eval_top_p'], because: (c) => unless(c.eval_temperature > 0, 'eval_temperature is 0, which is greedy') },
  {
    keys: ['reinforce_over'],
    because: (c) => unless(estimatorOf(c).startsWith('reinforce_plus_plus'), `the estimator is ${estimatorOf(c)}`),
  },
  {
    keys: ['filter', 'filter_key', 'filter_low', 'filter_high', 'max_resample_times'].map(
      (k) => `dynamic_sampling.${k}`,
    ),
    because: (c) => unless(c.dynamic_sampling.enabled, 'dynamic_sampling.enabled is false'),
  },
  {
    keys: ['dynamic_sampling.filter_low', 'dynamic_sampling.filter_high'],
    because: (c) => unless(c.dynamic_sampling.filter === 'mean_reward', 'dynamic_sampling.filter is spread'),
  },
]

const defaults = new Map(leaves(trainFields).map(({ key, field }) => [key, field.default]))

const valueAt = (config: TrainConfig, key: string): unknown =>
  key.split('.').reduce<unknown>((tree, part) => (tree as Readonly<Record<string, unknown>> | null)?.[part], config)

/**
 * Keys that were changed from their defaults and do nothing beside the others: what a preset brought is dropped, what somebody wrote is an
 * error, so that nobody believes in a clip that is not there.
 */
export const idleKeys = (config: TrainConfig): ReadonlyArray<Idle> =>
  rules.flatMap(({ keys, because }) => {
    const reason = because(config)
    if (reason === undefined) return []
    return keys.flatMap((key) => {
      const fallback = defaults.get(key)
      const changed = fallback !== REQUIRED && JSON.stringify(valueAt(config, key)) !== JSON.stringify(fallback)
      return changed ? [{ key, because: reason }] : []
    })
  })
