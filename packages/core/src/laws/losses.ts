import { policyLoss, type PolicyLossOptions } from '../loss/policyLoss.ts'
import { recipe, type LossType, type RecipeOptions } from '../loss/recipes.ts'
import { supervisedLoss } from '../loss/supervised.ts'
import { policyGradient } from '../loss/surrogate.ts'
import { sequenceSum, tokenMean } from '../loss/aggregate.ts'
import { easyR1KlClamp } from '../loss/kl.ts'
import { importanceWeights } from '../loss/importance.ts'
import { onPolicyOnly, undecidedOnly } from '../loss/tokenWeight.ts'
import { batchTotals, type TokenBatch } from '../loss/tokenBatch.ts'
import { referenceOps } from '../ops/reference.ts'
import type { HostTensor, TensorOps } from '../ops/tensorOps.ts'
import type { Params } from '../port/backend.ts'
import { fixedTensor } from './arbitraries.ts'
import type { GradientCase } from './gradientCase.ts'

const [rows, columns, vocabulary] = [3, 4, 5]
const shape = [rows, columns]
const lengths = [4, 4, 3]
const chosen = Array.from({ length: rows * columns }, (_, i) => (i * 7) % vocabulary)
const logits = fixedTensor([rows * columns, vocabulary], { lo: -2, hi: 2 })

const onHost = (data: ReadonlyArray<number>) => ({ shape, data })
const logprobs = Array.from(referenceOps.selectiveLogSoftmax(referenceOps.fromHost(logits), chosen).logprob.data)

/** Log-ratios on every side of the clip bounds, and none near one: ln 0.8 = -0.22, ln 1.28 = 0.25. */
const logRatios = [-0.6, 0.05, 0.5, -0.1]
const oldLogprobs = onHost(logprobs.map((logp, i) => logp - logRatios[(i + Math.floor(i / columns)) % 4]!))
const refLogprobs = onHost(logprobs.map((logp, i) => logp - (((i * 5) % 7) - 3) / 4 - 0.1))
/** Another program's log-probs of the same tokens: weights on both sides of 0.8 and 1.2, and none near. */
const rolloutLogprobs = onHost(oldLogprobs.data.map((logp, i) => logp - [0.05, -0.5, 0.4, 0.1, -0.05][i % 5]!))
const entropies = onHost(logprobs.map((_, i) => ((i * 5) % 8) / 8))
const mask = onHost(logprobs.map((_, i) => (i % columns < lengths[Math.floor(i / columns)]! ? 1 : 0)))
const advantage: HostTensor = { shape: [rows, 1], data: [1.5, -0.75, 0.5] }

const batchOf = <T>(ops: TensorOps<T>, params: Params<T>): TokenBatch<T> => ({
  logprob: ops.reshape(ops.selectiveLogSoftmax(params['logits']!, chosen).logprob, shape),
  oldLogprob: ops.fromHost(oldLogprobs),
  advantage: ops.fromHost(advantage),
  mask: ops.fromHost(mask),
  refLogprob: ops.fromHost(refLogprobs),
  rolloutLogprob: ops.fromHost(rolloutLogprobs),
  entropy: ops.fromHost(entropies),
})

const lossCase = (name: string, options: PolicyLossOptions): GradientCase & { readonly name: string } => ({
  name,
  label: `${name} of ${rows} rollouts`,
  params: { logits },
  program: (ops, params) => policyLoss(options)(ops, batchTotals(lengths))(batchOf(ops, params)).value,
})

const options: RecipeOptions = { epsilon: 0.2, epsilonHigh: 0.28, maxCompletionLength: 6 }
const recipeCase = (lossType: LossType) => lossCase(`loss ${lossType}`, recipe(lossType, options))

/** From logits to the loss, with every clip active somewhere. */
export const lossPrograms: ReadonlyArray<GradientCase & { readonly name: string }> = [
  ...(['grpo', 'dapo', 'bnpo', 'dr_grpo'] as const).map(recipeCase),
  lossCase('loss with dual clip', recipe('dapo', { ...options, dualClip: 1.2 })),
  lossCase('plain policy gradient', { surrogate: policyGradient, aggregate: tokenMean }),
  lossCase('loss with a two-sided clip', recipe('dapo', { ...options, delta: 1.1 })),
  // A rollout's mean log-ratio is -0.04, -0.04 and -0.07: ln 0.97 = -0.03 clips the rollout with the negative advantage alone.
  ...(['gspo', 'gspo_token', 'luspo'] as const).map((lossType) =>
    lossCase(`loss ${lossType}`, recipe(lossType, { ...options, epsilon: 0.03, epsilonHigh: 0.04 })),
  ),
  lossCase('loss cispo', recipe('cispo', { ...options, epsilonHigh: 1.28 })),
  lossCase('loss sapo', recipe('sapo', options)),
  lossCase('loss with masks and importance weights', {
    surrogate: policyGradient,
    aggregate: sequenceSum,
    weights: [
      onPolicyOnly({ threshold: 0.03 }),
      undecidedOnly({ threshold: 0.3 }),
      importanceWeights({ level: 'token', mode: 'truncate', min: 0.8, max: 1.2 }),
    ],
  }),
  ...(['k1', 'k2', 'k3', 'k1+', 'k3+'] as const).map((estimator) =>
    lossCase(`loss with KL ${estimator}`, {
      ...recipe('grpo', options),
      kl: { beta: 0.5, estimator, clamp: easyR1KlClamp },
    }),
  ),
  lossCase('loss with KL weighted by the ratio', {
    ...recipe('grpo', options),
    kl: { beta: 0.5, weightedBy: 'token' },
  }),
  {
    name: 'supervised loss',
    label: `supervised loss of ${rows} responses`,
    params: { logits },
    program: (ops, params) => supervisedLoss(ops, batchTotals(lengths))(batchOf(ops, params)),
  },
]
