// Ten optimiser steps of Durian in a browser: a tiny Qwen2.5-VL samples on WebGPU, and learns to prefer even tokens.
import { openWebGpuBackend } from '@durian/backend-webgpu'
import {
  batchTotals,
  clipped,
  confidence,
  durianAdvantages,
  durianDefaults,
  initAdamW,
  policyLoss,
  tokenMean,
} from '@durian/core'
import {
  completionBatch,
  generate,
  lossGradient,
  optimiserStep,
  policyWeights,
  replaced,
  trainable,
} from '@durian/trainer/browser'
import { policy, prompts, randomWeights } from './policy.mjs'

const print = (line) => document.querySelector('#log').append(`${line}\n`)
const right = (either) =>
  either._tag === 'Right' ? either.right : Promise.reject(new Error(either.left.reason ?? either.left.message))
const software = new URLSearchParams(location.search).has('software') // ?software: on the processor, where there is no GPU
const { backend, facts } = await openWebGpuBackend({ device: software ? 'software' : 'hardware' })().then(right)
const { ops, transfer, memory } = backend
print(facts.device)

const frozen = (name) => name.startsWith('visual.') // the prompts have no pictures
const params = randomWeights(ops)
let learner = { params, optimizer: memory.scope(() => initAdamW(ops, trainable(params, frozen))) }
const draws = {
  numGenerations: 32,
  maxCompletionLength: 3,
  temperature: 1,
  topP: 1,
  topK: 0,
  banned: [],
  endTokens: [],
  seed: 1,
}
const sample = (step) =>
  generate(backend, policy)(policyWeights(learner.params), prompts, { ...draws, step })().then(right)
const rewardsOf = (group) => group.map(({ ids }) => ids.filter((id) => id % 2 === 0).length / ids.length)
const mean = (groups) => groups.flatMap(rewardsOf).reduce((sum, reward) => sum + reward, 0) / groups.flat().length

const groups = await sample(0) // 4 prompts x 32 rollouts
const samples = groups.map((group) => {
  const logprobs = group.map((completion) => completion.logprobs)
  return { rewards: rewardsOf(group), entropy: null, confidence: confidence(logprobs, 'sequence-sum') }
})
const { advantages } = durianAdvantages(samples, { ...durianDefaults, reasoningGroups: 2 })
const rollouts = groups.flat()
const batch = completionBatch(policy)(
  prompts,
  groups.map((group) => group.map(({ ids }) => ids)),
)
const totals = batchTotals(rollouts.map(({ ids }) => ids.length))
const shape = [batch.rows, batch.length]
const loss = policyLoss({ surrogate: clipped({ low: 0.2, high: 0.28 }), aggregate: tokenMean })(ops, totals)
const gradient = lossGradient(backend, policy, { temperature: 1, checkpointing: false })(batch, ({ logprob }) => {
  const oldLogprob = ops.fromHost({ shape, data: rollouts.flatMap(({ logprobs }) => [...logprobs]) })
  const advantage = ops.fromHost({ shape: [batch.rows, 1], data: advantages.flat() })
  return loss({
    logprob: ops.reshape(logprob, shape),
    oldLogprob,
    advantage,
    mask: ops.fromHost({ shape, data: batch.mask }),
  })
})
const step = optimiserStep(backend, {
  adamw: { learningRate: 1e-2, betas: [0.9, 0.999], weightDecay: 0 },
  maxGradNorm: 1,
  frozen,
})

print(`mean reward ${mean(groups).toFixed(4)}`)
for (let number = 1; number <= 10; number++) {
  const done = step(learner, [gradient])
  print(`step ${number}: loss ${(await transfer.read(done.loss)().then(right))[0].toFixed(6)}`)
  memory.free([replaced(learner, done.learner), done.loss, done.gradNorm, done.aux])
  learner = done.learner
}
print(`mean reward ${mean(await sample(0)).toFixed(4)}`)
