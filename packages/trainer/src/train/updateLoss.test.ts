import { openNodeBackend } from '@durian/backend-node'
import {
  batchTotals,
  cispo,
  clipped,
  entropyThreshold,
  fixedLength,
  initAdamW,
  onPolicyOnly,
  type Params,
  policyGradient,
  policyLoss,
  type PolicyLossOptions,
  referenceOps,
  residentWeights,
  sapo,
  sequenceMean,
  tokenMean,
  undecidedOnly,
} from '@durian/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { completionBatch, scoreCompletions } from '../policy/completions.ts'
import { toDevice } from './hostTensors.ts'
import type { Group } from './groups.ts'
import { prepare, type Prepared } from './prepare.ts'
import { encodeRows, rollOut } from './rollout.ts'
import { stopwatch } from './stopwatch.ts'
import { smallConfig, smallData, value } from './testing.ts'
import { update, type UpdateContext } from './update.ts'

const open = async () => (await value(openNodeBackend({ prefer: 'wasm' }))).backend
type Device = Awaited<ReturnType<typeof open>>

let data: string
let backend: Device
let prepared: Prepared
let params: Params<Parameters<Device['ops']['neg']>[0]>
let reference: typeof params
let groups: ReadonlyArray<Group>

/** Two prompts an update, two updates a rollout batch; a wide step, so that the second update sees ratios on both sides of the clips. */
const settings = ['per_device_train_batch_size=8', 'learning_rate=3e-3', 'max_grad_norm=1e9']
const advantages = [
  [1, -1, 0.5, -0.5],
  [-2, 1, 1, 0],
  [1.5, -0.5, -0.5, -0.5],
  [-1, -1, 1, 1],
]

beforeAll(async () => {
  data = await smallData()
  backend = await open()
  const config = await smallConfig(data, 'update', settings)
  prepared = await value(prepare(config))
  params = toDevice(backend)(prepared.weights)
  reference = backend.memory.scope(() =>
    Object.fromEntries(
      Object.entries(params).map(([name, x]) => [
        name,
        backend.ops.mul(x, backend.ops.fromHost({ shape: [], data: [1.05] })),
      ]),
    ),
  )
  const tasks = await value(encodeRows(prepared.processor, prepared.dataset.rows.slice(0, 4)))
  groups = await value(
    rollOut(
      { ...prepared, backend },
      stopwatch(() => 0),
    )(params, tasks, { step: 0, firstPrompt: 0 }),
  )
})

const contextOf = async (overrides: ReadonlyArray<string>): Promise<UpdateContext<(typeof params)[string]>> => {
  const config = await smallConfig(data, 'update', [...settings, ...overrides])
  return {
    backend,
    config,
    policy: prepared.policy,
    reference: config.beta > 0 ? reference : null,
    learningRate: () => config.learning_rate,
  }
}

const learner = () => ({ params, optimizer: backend.memory.scope(() => initAdamW(backend.ops, params)) })

/** Log-probs and entropies of two groups' tokens under some parameters, on the host: [R, T] with the padding of the update. */
const scored = async (under: typeof params, part: ReadonlyArray<Group>) => {
  const batch = completionBatch(prepared.policy)(
    part.map(({ prompt }) => prompt),
    part.map(({ completions }) => completions.map(({ ids }) => ids)),
  )
  const scores = backend.memory.scope(() => ({
    ...scoreCompletions(backend.ops, prepared.policy)(residentWeights(under), batch, { temperature: 1 }),
  }))
  const shape = [batch.rows, batch.length]
  const logprob = await value(backend.transfer.read(scores.logprob))
  const entropy = await value(backend.transfer.read(scores.entropy))
  backend.memory.free(scores)
  return { shape, logprob, entropy, mask: batch.mask }
}

/** The loss of one update by core's reference interpreter, from log-probs. */
const expectedLoss = async (
  options: (entropies: ReadonlyArray<number>) => PolicyLossOptions,
  u: 0 | 1,
  now: typeof params,
): Promise<number> => {
  const part = groups.slice(2 * u, 2 * u + 2)
  const current = await scored(now, part)
  const before = await scored(params, part)
  const ref = await scored(reference, part)
  const host = (values: ArrayLike<number>) =>
    referenceOps.fromHost({ shape: current.shape, data: Float64Array.from(values) })
  const entropies = Array.from(current.entropy).filter((_, i) => current.mask[i] === 1)
  const lengths = part.flatMap(({ completions }) => completions.map(({ ids }) => ids.length))
  const ofPart = advantages.slice(2 * u, 2 * u + 2).flat()
  return policyLoss(options(entropies))(referenceOps, batchTotals(lengths))({
    logprob: host(current.logprob),
    oldLogprob: host(before.logprob),
    refLogprob: host(ref.logprob),
    entropy: host(current.entropy),
    mask: host(current.mask),
    advantage: referenceOps.fromHost({ shape: [ofPart.length, 1], data: ofPart }),
  }).value.data[0]!
}

const plain = { surrogate: clipped({ low: 0.2, high: 0.2 }), aggregate: tokenMean }
const cases: ReadonlyArray<
  readonly [string, ReadonlyArray<string>, (entropies: ReadonlyArray<number>) => PolicyLossOptions]
> = [
  [
    'dapo with dual clip',
    ['epsilon=0.1', 'epsilon_high=0.12', 'clip_ratio_c=1.3'],
    () => ({ surrogate: clipped({ low: 0.1, high: 0.12, dual: 1.3 }), aggregate: tokenMean }),
  ],
  [
    'dr_grpo with delta',
    ['loss_type=dr_grpo', 'delta=1.25'],
    () => ({ surrogate: clipped({ low: 0.2, high: 0.2, delta: 1.25 }), aggregate: fixedLength(12) }),
  ],
  [
    'cispo',
    ['loss_type=cispo', 'epsilon_high=1.1', 'cispo_min=0.9'],
    () => ({ surrogate: cispo({ min: 0.9, max: 1.1 }), aggregate: tokenMean }),
  ],
  [
    'gspo',
    ['loss_type=gspo', 'epsilon=0.01', 'epsilon_high=0.02'],
    () => ({ surrogate: clipped({ low: 0.01, high: 0.02, level: 'sequence' }), aggregate: sequenceMean }),
  ],
  [
    'sapo',
    ['loss_type=sapo', 'sapo_temperature_neg=3'],
    () => ({ surrogate: sapo({ positive: 1, negative: 3 }), aggregate: sequenceMean }),
  ],
  ['policy_gradient', ['loss_type=policy_gradient'], () => ({ surrogate: policyGradient, aggregate: tokenMean })],
  [
    'a KL penalty',
    ['beta=0.3', 'kl.estimator=k1', 'kl.clamp=[0.5, 0.4]'],
    () => ({ ...plain, kl: { beta: 0.3, estimator: 'k1', clamp: { difference: 0.5, estimate: 0.4 } } }),
  ],
  [
    'a KL penalty with importance weights',
    ['beta=0.3', 'use_bias_correction_kl=true'],
    () => ({ ...plain, kl: { beta: 0.3, weightedBy: 'token' } }),
  ],
  ['an entropy bonus', ['entropy_coef=0.5'], () => ({ ...plain, entropyCoefficient: 0.5 })],
  [
    'the most undecided tokens',
    ['top_entropy_quantile=0.3'],
    (entropies) => ({ ...plain, weights: [undecidedOnly({ threshold: entropyThreshold(entropies, 0.3) })] }),
  ],
  [
    'the off-policy mask',
    ['off_policy_mask_threshold=0.02'],
    () => ({ ...plain, weights: [onPolicyOnly({ threshold: 0.02 })] }),
  ],
]

describe('update', () => {
  it.each(cases)(
    "law: its loss is that of core's reference on the same log-probs, in the first update and in the second (%s)",
    async (_, overrides, options) => {
      const context = await contextOf(overrides)
      const first = await value(update(context)(learner(), groups.slice(0, 2), advantages.slice(0, 2)))
      const both = await value(update(context)(learner(), groups, advantages))
      const moved = first.learner.params
      const one = await expectedLoss(options, 0, params)
      const two = await expectedLoss(options, 1, moved)
      expect(first.statistics.loss).toBeCloseTo(one, 5)
      expect(both.statistics.loss).toBeCloseTo((one + two) / 2, 4)
      // The second update tells the choices apart: the plain loss of the same log-probs is another number.
      expect(Math.abs((await expectedLoss(() => plain, 1, moved)) - two)).toBeGreaterThan(1e-3)
    },
  )

  it('law: an entropy bonus moves the policy, by the gradient of the entropy and not of its number alone', async () => {
    const idle = advantages.map((group) => group.map(() => 0))
    const still = await contextOf(['epsilon=0.2'])
    const bonus = await contextOf(['entropy_coef=1'])
    expect((await value(update(still)(learner(), groups, idle))).statistics.gradNorm).toBe(0)
    const { statistics, learner: after } = await value(update(bonus)(learner(), groups.slice(0, 2), idle))
    expect(statistics.gradNorm).toBeGreaterThan(0.01)
    const entropyOf = async (under: typeof params) => {
      const { entropy, mask } = await scored(under, groups.slice(0, 2))
      return entropy.reduce((total, h, i) => total + h * mask[i]!, 0)
    }
    expect(await entropyOf(after.params)).toBeGreaterThan(await entropyOf(params))
  })
})
