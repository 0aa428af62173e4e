import { openNodeBackend } from '@durian/backend-node'
import { type Backend, residentWeights } from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { generate, type GenerateOptions } from './generate.ts'
import { adapterNames } from './linear.ts'
import { freeSampling, maxDifference, miniConfig, miniWeights, onDevice, right } from './testing.ts'
import { tokenPrompt } from './tokenPrompt.ts'

const prompt = (id: number, words: number) =>
  tokenPrompt(
    `p${id}`,
    Array.from({ length: words }, (_, i) => 2 + ((i * 5 + id) % 17)),
  )
const prompts = [prompt(0, 5), prompt(1, 1), prompt(2, 11), prompt(3, 2)]
/** Longer than the cache has room for at first, with rollouts that leave on the way. */
const options: GenerateOptions = {
  ...freeSampling,
  numGenerations: 4,
  maxCompletionLength: 40,
  banned: [20, 21, 22, 23],
  endTokens: [1],
  seed: 3,
  step: 7,
}

/** An adapter of rank 2 beside the query projection of the first layer. */
const adapter = () => {
  const name = 'model.layers.0.self_attn.q_proj'
  const [out = 0, width = 0] = miniWeights[`${name}.weight`]!.shape
  const { a, b, scaling } = adapterNames(name)
  const wave = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.3) / 4)
  return {
    [a]: { shape: [2, width], data: wave(2 * width) },
    [b]: { shape: [out, 2], data: wave(2 * out) },
    [scaling]: { shape: [], data: [2] },
  }
}

const withoutKernel = <T>(backend: Backend<T>): Backend<T> => {
  const { decodingAttention: _, ...fused } = backend.ops.fused!
  return { ...backend, ops: { ...backend.ops, fused } }
}

// a file of its own, so a process of its own: tfjs's engine is global
const opened = await openNodeBackend({ prefer: 'tensorflow' })()
const reason = E.isLeft(opened)
  ? opened.left.reason
  : opened.right.backend.ops.fused?.decodingAttention === undefined
    ? `${opened.right.backend.info.description} has no kernels of ours`
    : null

describe('decoding with the kernel of the backend', () => {
  it.for([
    ['without adapters', miniWeights],
    ['with an adapter', { ...miniWeights, ...adapter() }],
  ] as const)('draws the tokens of the general program, %s, and leaves nothing behind', async ([, host], context) => {
    if (reason !== null && process.env['DURIAN_REQUIRE_TENSORFLOW'] !== '1') context.skip(reason)
    const { backend } = right(opened)
    const params = onDevice(backend.ops, host)
    const live = backend.memory.liveTensors()
    const drawn = async (one: typeof backend) =>
      right(await generate(one, miniConfig)(residentWeights(params), prompts, options)()).flat()
    const [own, general] = [await drawn(backend), await drawn(withoutKernel(backend))]
    expect(own.map(({ ids }) => [...ids])).toEqual(general.map(({ ids }) => [...ids]))
    expect(Math.max(...own.map(({ ids }) => ids.length))).toBe(40)
    expect(Math.min(...own.map(({ ids }) => ids.length))).toBeLessThan(20)
    own.forEach(({ logprobs }, i) => expect(maxDifference(logprobs, general[i]!.logprobs)).toBeLessThan(1e-4))
    expect(backend.memory.liveTensors()).toBe(live)
    backend.memory.free(params)
  })
})
