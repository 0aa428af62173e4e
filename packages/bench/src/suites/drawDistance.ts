import type { KernelChoice, OpenedWebGpu } from '@durian/backend-webgpu'
import { type DrawOptions, normals, uniforms } from '@durian/core'
import { either as E } from 'fp-ts'

/** How draws of a device compare with those of float64 from the same logits and uniforms. */
export interface DrawDistance {
  readonly kernels: KernelChoice
  readonly words: number
  /** Standard deviation of the logits: 0.1 is nearly flat, 4 far from it. */
  readonly spread: number
  readonly draws: number
  /** Tokens that are not float64's. */
  readonly different: number
  /** Largest distance of a uniform from the stretch of the cumulative distribution that its token has in float64. */
  readonly distance: number
  /** Largest error of a log-prob, nats. */
  readonly logprob: number
}

const options: DrawOptions = { temperature: 1, topP: 1, topK: 0, banned: new Set([1, 2]) }
/** Vocabularies, and draws from each. */
const cases = [
  [144, 4096],
  [32_000, 128],
  [151_936, 16],
] as const

export const drawDistances = async ({
  kernels,
}: Pick<OpenedWebGpu, 'kernels'>): Promise<ReadonlyArray<DrawDistance>> => {
  const found: DrawDistance[] = []
  for (const choice of ['barrier-free', 'shared-memory'] as const)
    for (const [words, draws] of cases)
      for (const spread of [0.1, 1, 4]) {
        const { ops, memory, transfer } = kernels.use(choice)
        const row = Float32Array.from(normals({ seed: 5 }, words), (x) => spread * x)
        const data = new Float32Array(draws * words)
        for (let n = 0; n < draws; n++) data.set(row, n * words)
        const us = uniforms({ seed: 6 }, draws)
        const drawn = memory.scope(() =>
          ops.fused!.drawTokens!(ops.fromHost({ shape: [draws, words], data }), us, options),
        )
        const read = await transfer.read(drawn)()
        memory.free(drawn)
        if (E.isLeft(read)) throw new Error(read.left.reason)
        found.push({ kernels: choice, words, spread, draws, ...compared(row, us, read.right) })
      }
  return found
}

const compared = (row: Float32Array, us: Float64Array, drawn: Float32Array) => {
  const reached = new Float64Array(row.length + 1)
  let total = 0
  row.forEach((z, id) => {
    total += Math.exp(z)
    reached[id + 1] = reached[id]! + (options.banned.has(id) ? 0 : Math.exp(z))
  })
  const mass = reached[row.length]!
  let [different, distance, logprob] = [0, 0, 0]
  us.forEach((u, n) => {
    const token = drawn[n]!
    const away = Math.max(reached[token]! / mass - u, u - reached[token + 1]! / mass)
    if (away > 0) different++
    distance = Math.max(distance, away)
    logprob = Math.max(logprob, Math.abs(drawn[us.length + n]! - (row[token]! - Math.log(total))))
  })
  return { different, distance, logprob }
}
