// Ten steps of Durian in a browser: a tiny Qwen2.5-VL with random weights samples on WebGPU and learns to prefer even tokens.
import { openWebGpuBackend } from '@durian/backend-webgpu'
import * as trainer from '@durian/trainer/browser'
import architecture from './config.json' with { type: 'json' }

const print = (line) => document.querySelector('#log').append(`${line}\n`)
const device = new URLSearchParams(location.search).has('software') ? 'software' : 'hardware'
const { backend, facts } = await trainer.orThrow(openWebGpuBackend({ device }))
print(facts.device)

const policy = await trainer.orThrow(trainer.decodePolicyConfig(architecture))
const params = trainer.toDevice(backend)(trainer.initialWeights(policy, 1))
const prompts = [3, 5, 7, 9].map((token) => trainer.tokenPrompt(`after ${token}`, [2, token, token + 1]))
const reward = ({ ids }) => ids.filter((id) => id % 2 === 0).length / ids.length
const config = { max_steps: 10, num_generations: 32, max_completion_length: 2, learning_rate: 1e-2 }
const onStep = ({ step, reward, statistics: { gradNorm } }) =>
  print(`step ${step}: mean reward ${reward.toFixed(4)}, gradient norm ${gradNorm.toFixed(4)}`)
await trainer.orThrow(trainer.trainPolicy(backend, policy)(params, { config, prompts, reward, onStep }))
