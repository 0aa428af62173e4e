// Ten optimiser steps of Durian in a browser: a tiny Qwen2.5-VL samples on WebGPU and learns to prefer even tokens.
import { openWebGpuBackend } from '@durian/backend-webgpu'
import * as core from '@durian/core'
import * as trainer from '@durian/trainer/browser'
import { device, frozen, policy, print, prompts, randomWeights, reward, right, sampling } from './setting.mjs'

const { backend, facts } = await openWebGpuBackend({ device })().then(right)
const { ops, transfer, memory } = backend
print(facts.device)
const params = randomWeights(ops)
let learner = { params, optimizer: memory.scope(() => core.initAdamW(ops, trainer.trainable(params, frozen))) }
const draw = trainer.generate(backend, policy)
const sample = () => draw(trainer.policyWeights(learner.params), prompts, sampling)().then(right)

const groups = await sample() // 4 prompts x 32 rollouts x 3 tokens
const samples = groups.map((group) => {
  const logprobs = group.map((completion) => completion.logprobs)
  return { rewards: group.map(reward), entropy: null, confidence: core.confidence(logprobs, 'sequence-sum') }
})
const { advantages } = core.durianAdvantages(samples, { ...core.durianDefaults, reasoningGroups: 2 })
const ids = groups.map((group) => group.map((completion) => completion.ids))
const batch = trainer.completionBatch(policy)(prompts, ids)
const totals = core.batchTotals(ids.flat().map((row) => row.length))
const shape = [batch.rows, batch.length]
const old = groups.flat().flatMap(({ logprobs }) => [...logprobs]) // all of one length: nothing ends a completion early
const options = { surrogate: core.clipped({ low: 0.2, high: 0.28 }), aggregate: core.tokenMean }
const loss = ({ logprob }) =>
  core.policyLoss(options)(ops, totals)({
    logprob: ops.reshape(logprob, shape),
    oldLogprob: ops.fromHost({ shape, data: old }),
    advantage: ops.fromHost({ shape: [batch.rows, 1], data: advantages.flat() }),
    mask: ops.fromHost({ shape, data: batch.mask }),
  })
const gradient = trainer.lossGradient(backend, policy, { temperature: 1, checkpointing: false })(batch, loss)
const step = trainer.optimiserStep(backend, { adamw: { learningRate: 1e-2 }, maxGradNorm: 1, frozen })

const mean = (rewards) => (rewards.reduce((sum, x) => sum + x, 0) / rewards.length).toFixed(4)
print(`mean reward ${mean(groups.flat().map(reward))}`)
for (let number = 1; number <= 10; number++) {
  const next = step(learner, [gradient])
  print(`step ${number}: loss ${(await transfer.read(next.loss)().then(right))[0].toFixed(6)}`)
  memory.free([trainer.replaced(learner, next.learner), next.loss, next.gradNorm, next.aux])
  learner = next.learner
}
print(`mean reward ${mean((await sample()).flat().map(reward))}`)
