import { openNodeBackend } from '@durian/backend-node'
import { either as E } from 'fp-ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { orThrow } from '../orThrow.ts'
import { maxDifference, miniConfig, miniWeights, right } from '../policy/testing.ts'
import { tokenPrompt } from '../policy/tokenPrompt.ts'
import { toDevice, toHost } from './hostTensors.ts'
import { trainPolicy, type TrainPolicyOptions } from './trainPolicy.ts'

const prompts = [3, 5].map((token) => tokenPrompt(`after ${token}`, [2, token, token + 1]))
const options: TrainPolicyOptions = {
  config: { max_steps: 6, num_generations: 16, max_completion_length: 2, learning_rate: 2e-2, seed: 4 },
  prompts,
  reward: ({ ids }) => ids.filter((id) => id % 2 === 0).length / ids.length,
}

const open = async () => right(await openNodeBackend({ prefer: 'wasm' })()).backend
let backend: Awaited<ReturnType<typeof open>>
beforeAll(async () => {
  backend = await open()
})

/** Mean rewards of the steps, and the weights after them. */
const trained = async (changed: Partial<TrainPolicyOptions> = {}) => {
  const params = toDevice(backend)(miniWeights)
  const rewards: number[] = []
  const result = await orThrow(
    trainPolicy(backend, miniConfig)(params, {
      ...options,
      ...changed,
      onStep: ({ step, reward, groups }) => {
        expect(step).toBe(rewards.length + 1)
        expect(groups.map(({ completions }) => completions.length)).toEqual([16, 16])
        rewards.push(reward)
      },
    }),
  )
  const weights = await orThrow(toHost(backend)(result))
  const before = await orThrow(toHost(backend)(params))
  backend.memory.free([params, result])
  return { rewards, weights, before }
}

describe('trainPolicy', () => {
  it('trajectory: learns what is rewarded, the same twice, and leaves the given parameters as they were', async () => {
    const live = backend.memory.liveTensors()
    const [once, twice] = [await trained(), await trained()]
    expect(once.rewards).toHaveLength(6)
    expect(once.rewards[5]).toBeGreaterThan(once.rewards[0]! + 0.2)
    expect(twice.rewards).toEqual(once.rewards)
    expect(twice.weights).toEqual(once.weights)
    const table = 'model.embed_tokens.weight'
    expect(once.before[table]!.data).toEqual(Float32Array.from(miniWeights[table]!.data))
    expect(once.weights[table]!.data).not.toEqual(once.before[table]!.data)
    expect(backend.memory.liveTensors()).toBe(live)
  })

  it('holds still what the configuration freezes, and waits for rewards that take time', async () => {
    const { weights, before, rewards } = await trained({
      config: { ...options.config, max_steps: 1, freeze_vision_tower: true },
      reward: async (completion, prompt) => {
        await Promise.resolve()
        return prompt === prompts[0] ? options.reward(completion, prompt) : null
      },
    })
    expect(Number.isFinite(rewards[0])).toBe(true)
    const changed = Object.keys(weights).filter((name) => maxDifference(weights[name]!.data, before[name]!.data) > 0)
    expect(changed.length).toBeGreaterThan(10)
    expect(changed.filter((name) => name.startsWith('visual.'))).toEqual([])
  })

  it('penalises the distance from the given parameters where beta asks for it', async () => {
    const kls: Array<number | null> = []
    const params = toDevice(backend)(miniWeights)
    const config = { ...options.config, beta: 0.1, max_steps: 2 }
    const onStep: TrainPolicyOptions['onStep'] = ({ statistics }) => void kls.push(statistics.kl)
    const result = await orThrow(trainPolicy(backend, miniConfig)(params, { ...options, config, onStep }))
    expect(kls[0]).toBeCloseTo(0, 6)
    expect(kls[1]).toBeGreaterThan(1e-4)
    backend.memory.free([params, result])
  })

  it.each<[string, Partial<TrainPolicyOptions>, string]>([
    ['a key that is none', { config: { learning_rat: 1 } as never }, "config: unknown key 'learning_rat'"],
    ['adapters', { config: { lora: { r: 2 } } }, 'config: lora needs a whole run; take it out.'],
    ['no prompts', { prompts: [] }, 'There are no prompts to train on.'],
  ])('refuses %s in a sentence', async (_, changed, message) => {
    const params = toDevice(backend)(miniWeights)
    const result = await trainPolicy(backend, miniConfig)(params, { ...options, ...changed })()
    backend.memory.free(params)
    expect(result).toMatchObject(E.left({ _tag: 'BadInput', message: expect.stringContaining(message) as string }))
  })

  it('stops when it is told to, and when a reward throws, and leaves nothing behind', async () => {
    const params = toDevice(backend)(miniWeights)
    const live = backend.memory.liveTensors()
    const controller = new AbortController()
    const onStep = (): void => controller.abort()
    const stopped = await trainPolicy(backend, miniConfig)(params, { ...options, signal: controller.signal, onStep })()
    expect(stopped).toMatchObject(E.left({ _tag: 'Interrupted' }))
    const reward = (): number => {
      throw new Error('no reward')
    }
    await expect(trainPolicy(backend, miniConfig)(params, { ...options, reward })()).rejects.toThrow('no reward')
    expect(backend.memory.liveTensors()).toBe(live)
    backend.memory.free(params)
  })
})
