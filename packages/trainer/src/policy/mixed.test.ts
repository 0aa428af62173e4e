import { openWebGpuBackend, type OpenedWebGpu } from '@durian/backend-webgpu'
import { residentWeights } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { completionBatch, scoreCompletions } from './completions.ts'
import { loadPolicy } from './files.ts'
import { generate } from './generate.ts'
import { initialAdapters } from './lora.ts'
import { frozenParams, policyWeights } from './params.ts'
import { expected, fixtureDir, freeSampling, maxDifference, onDevice, openFixture, right, values } from './testing.ts'

// a file of its own, so a process of its own: tfjs's engine is global
process.env['DURIAN_WEBGPU_ADAPTER'] ??= 'software'
const opened = await openWebGpuBackend({ precision: 'mixed' })()

/** The tiny Qwen2.5-VL, log-probs of -9 nats on average: 0.013 was seen, 2^-11 through 3 layers and a head of 64 numbers. */
const TOLERANCE = 0.03

const suite = ({ backend: { ops, memory, transfer }, backend, kernels }: OpenedWebGpu): void => {
  const bytesAtRest = async (): Promise<number> => {
    const one = ops.neg(ops.fromHost({ shape: [1], data: [1] }))
    right(await transfer.read(one)())
    memory.free(one)
    return kernels.bytes()
  }

  it.each(expected.map(({ id }, i) => [id, i] as const))(
    'golden: log-probs and entropies of row %s are those of transformers, but for 16 bits',
    async (_, i) => {
      const { config, weights, prompts } = await openFixture(backend)
      const want = expected[i]!
      const batch = completionBatch(config)([prompts[i]!], [[want.response_ids]])
      const scores = await values(backend, () => ({
        ...scoreCompletions(ops, config)(weights, batch, { temperature: 1 }),
      }))
      memory.free(weights.under(''))
      expect(maxDifference(scores.logprob, want.logprobs)).toBeLessThan(TOLERANCE)
      expect(maxDifference(scores.entropy, want.token_entropies)).toBeLessThan(TOLERANCE)
      // float32 is within 1e-4: further off than that, or nothing was rounded
      expect(maxDifference(scores.logprob, want.logprobs)).toBeGreaterThan(1e-4)
    },
  )

  it('law: log-probs recorded while sampling equal those of the training forward pass, with an adapter on frozen weights', async () => {
    const { config, weights } = right(await loadPolicy(fixtureDir)())
    const { prompts } = await openFixture(backend)
    const options = { r: 4, lora_alpha: 8, use_rslora: false, seed: 3 }
    const modules = ['model.layers.0.self_attn.q_proj', 'model.layers.1.mlp.down_proj']
    const fresh = Object.entries(initialAdapters(config, modules, options))
    // an adapter that has learnt: B is zero in a fresh one
    const learnt = fresh.map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((x, i) => x || Math.sin(i) / 4) },
    ])
    const adapter = onDevice(ops, Object.fromEntries(learnt) as Record<string, (typeof fresh)[number][1]>)
    const policy = policyWeights(adapter, residentWeights(frozenParams(backend, onDevice(ops, weights))))
    const groups = right(
      await generate(backend, config)(policy, prompts, {
        ...freeSampling,
        numGenerations: 3,
        maxCompletionLength: 12,
      })(),
    )
    const batch = completionBatch(config)(
      prompts,
      groups.map((group) => group.map(({ ids }) => ids)),
    )
    const { logprob } = await values(backend, () => ({
      ...scoreCompletions(ops, config)(policy, batch, { temperature: 1 }),
    }))
    groups.flat().forEach(({ logprobs }, row) => {
      const start = row * batch.length
      expect(maxDifference(logprobs, logprob.subarray(start, start + logprobs.length))).toBeLessThan(2e-3)
    })
  })

  it('law: weights that do not move take half of the bytes', async () => {
    const { weights } = right(await loadPolicy(fixtureDir)())
    const before = await bytesAtRest()
    const numbers = Object.values(weights).reduce((sum, { data }) => sum + data.length, 0)
    const frozen = frozenParams(backend, onDevice(ops, weights))
    // vectors stay in float32, and are not on the device until they are read
    expect((await bytesAtRest()) - before).toBeLessThan(2.01 * numbers)
    memory.free(frozen)
    expect((await bytesAtRest()) - before).toBeLessThan(100)
  })
}

describe('the policy in mixed precision', () => {
  if (E.isRight(opened)) return suite(opened.right)
  const { reason } = opened.left
  if (process.env['DURIAN_REQUIRE_WEBGPU'] === '1')
    return void it('law: a WebGPU device is here, as DURIAN_REQUIRE_WEBGPU=1 asks', () => expect.fail(reason))
  console.log(`skipped: the policy in mixed precision, because ${reason}`)
  it.skip(`law: the policy in mixed precision (skipped: ${reason})`, () => undefined)
})
