import { openWebGpuBackend } from '@durian/backend-webgpu'
import { type Backend, drawToken, residentWeights } from '@durian/core'
import { referenceBackend } from '@durian/core/laws'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { drawnBy } from './drawing.ts'
import { generate, type GenerateOptions } from './generate.ts'
import { freeSampling, maxDifference, miniConfig, miniWeights, onDevice, right } from './testing.ts'
import { tokenPrompt } from './tokenPrompt.ts'

const prompt = (id: number, words: number) =>
  tokenPrompt(
    `p${id}`,
    Array.from({ length: words }, (_, i) => 2 + ((i * 5 + id) % 17)),
  )
const prompts = [prompt(0, 5), prompt(1, 2)]
const options: GenerateOptions = {
  ...freeSampling,
  numGenerations: 3,
  maxCompletionLength: 6,
  banned: [20, 21, 22, 23],
  endTokens: [1, 5, 9],
}
const ways: ReadonlyArray<readonly [string, Partial<GenerateOptions>]> = [
  ['from all words', {}],
  ['greedily', { temperature: 0 }],
  ['with top-k and top-p', { topK: 5, topP: 0.8, temperature: 0.9 }],
]

/** The same backend, with the sizes of all that is read from it. */
const watched = <T>(backend: Backend<T>) => {
  const reads: string[] = []
  const read: Backend<T>['transfer']['read'] = (x) => {
    reads.push(backend.ops.shape(x).join())
    return backend.transfer.read(x)
  }
  return { reads, backend: { ...backend, transfer: { ...backend.transfer, read } } }
}

/** Its twin whose host draws. */
const hostDraws = <T>(backend: Backend<T>): Backend<T> => {
  const { drawTokens: _, ...fused } = backend.ops.fused ?? {}
  return { ...backend, ops: { ...backend.ops, fused } }
}

/** Completions by the device and by the host, the device's reads, and that nothing is left. */
const both = async <T>(given: Backend<T>, changed: Partial<GenerateOptions>) => {
  const params = onDevice(given.ops, miniWeights)
  const live = given.memory.liveTensors()
  const { backend, reads } = watched(given)
  const drawn = async (one: Backend<T>) =>
    right(await generate(one, miniConfig)(residentWeights(params), prompts, { ...options, ...changed })()).flat()
  const device = await drawn(backend)
  const host = await drawn(hostDraws(given))
  expect(given.memory.liveTensors()).toBe(live)
  given.memory.free(params)
  return { device, host, reads }
}

const expectSame = ({ device, host, reads }: Awaited<ReturnType<typeof both>>, tolerance: number): void => {
  expect(device.map(({ ids }) => [...ids])).toEqual(host.map(({ ids }) => [...ids]))
  expect(device.map(({ terminated }) => terminated)).toEqual(host.map(({ terminated }) => terminated))
  device.forEach(({ logprobs, excludedMass }, i) => {
    expect(maxDifference(logprobs, host[i]!.logprobs)).toBeLessThan(tolerance)
    expect(Math.abs(excludedMass - host[i]!.excludedMass)).toBeLessThan(tolerance)
  })
  // three numbers a rollout that is still decoded, never [rollouts, V]
  expect(reads[0]).toBe('3,6')
  expect(reads.every((shape) => shape.startsWith('3,'))).toBe(true)
}

/** The reference interpreter with a kernel that draws in float64. */
const drawingReference = () =>
  referenceBackend((ops) => ({
    fused: {
      drawTokens: (logits, uniforms, chosen) => {
        const [rows, words] = logits.shape as [number, number]
        const draw = drawToken(chosen)
        const drawn = Array.from({ length: rows }, (_, row) =>
          draw(logits.data.subarray(row * words, (row + 1) * words), uniforms[row]!),
        )
        const data = [
          drawn.map(({ token }) => token),
          drawn.map(({ logprob }) => logprob),
          drawn.map(({ excludedMass }) => excludedMass),
        ]
        return ops.fromHost({ shape: [3, rows], data: data.flat() })
      },
    },
  }))

describe('drawing by the backend', () => {
  it.each(ways)('gives the tokens of the host, %s, and only they are read back', async (_, changed) => {
    expectSame(await both(drawingReference(), changed), 1e-6)
  })

  it('is told apart from drawing by the host', () => {
    expect([drawingReference(), hostDraws(drawingReference())].map(drawnBy)).toEqual(['device', 'host'])
  })

  it('names the prompt when logits are not finite', async () => {
    const backend = drawingReference()
    const broken = { ...miniWeights, 'model.norm.weight': { shape: [16], data: new Float32Array(16).fill(NaN) } }
    const weights = residentWeights(onDevice(backend.ops, broken))
    const result = await generate(backend, miniConfig)(weights, prompts, options)()
    expect(result).toMatchObject(E.left({ _tag: 'RunFailed', message: expect.stringContaining("'p0'") as string }))
  })
})

// a file of its own, so a process of its own: tfjs's engine is global
process.env['DURIAN_WEBGPU_ADAPTER'] ??= 'software'
const opened = await openWebGpuBackend()()

describe('drawing on WebGPU', () => {
  it.for(ways)('gives the tokens of the host, %s, and only they are read back', async ([, changed], context) => {
    if (E.isLeft(opened) && process.env['DURIAN_REQUIRE_WEBGPU'] !== '1') context.skip(opened.left.reason)
    expectSame(await both(right(opened).backend, changed), 1e-5)
  })
})
