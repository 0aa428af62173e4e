import { paperQuantities } from '@durian/backend-tfjs'
import {
  confidence,
  durianAdvantages,
  durianDefaults,
  normals,
  randomInts,
  visualEntropy,
  type ConfidenceKind,
  type DurianOptions,
} from '@durian/core'
import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { openNodeBackend } from './withNodeBackend.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)
const { backend } = opened.right
const { ops, memory, transfer } = backend
const device = paperQuantities(backend)

const right = <A>(result: E.Either<unknown, A>): A => {
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right
}
const gaussian = (n: number, name: number) => Float32Array.from(normals({ seed: 11, stream: name }, n))
const integers = (n: number, bound: number, name: number) => randomInts({ seed: 13, stream: name }, n, bound)
/** Nothing may stay on the device but what the caller holds. */
const leavingNothing = async (body: () => Promise<void>) => {
  const before = memory.liveTensors()
  await body()
  expect(memory.liveTensors()).toBe(before)
}

describe('visual entropy on a device', () => {
  it.each([
    [12, 5],
    [5, 12],
    [16, 16],
    [2, 3],
    [1, 7],
    [64, 48],
  ])("law: equals core's host function for %i patches of %i features", async (rows, cols) =>
    leavingNothing(async () => {
      const data = gaussian(rows * cols, rows)
      const features = ops.fromHost({ shape: [rows, cols], data })
      const entropy = right(await device.visualEntropy(features)())
      memory.free(features)
      expect(entropy).toBeCloseTo(visualEntropy({ rows, cols, data }), 4)
    }),
  )

  it.each([
    ['large', 1e15],
    ['small', 1e-15],
  ])("law: equals core's host function for %s features", async (_, size) => {
    const data = gaussian(60, 3).map((x) => x * size)
    const entropy = right(await device.visualEntropy(ops.fromHost({ shape: [10, 6], data }))())
    expect(entropy).toBeCloseTo(visualEntropy({ rows: 10, cols: 6, data }), 4)
  })

  it('law: a picture without variance has entropy 0, also far from the origin', async () => {
    const data = new Float32Array(40).fill(12345.678)
    expect(right(await device.visualEntropy(ops.fromHost({ shape: [8, 5], data }))())).toBe(0)
  })
})

describe('confidence on a device', () => {
  it.each(['sequence-sum', 'token-mean'] as const)(
    "law: %s equals core's host function",
    async (kind: ConfidenceKind) => {
      const [prompts, rollouts, tokens] = [5, 4, 7]
      const logprobs = gaussian(prompts * rollouts * tokens, 5).map((x) => -Math.abs(x))
      const lengths = Array.from(integers(prompts * rollouts, tokens + 1, 1))
      lengths[0] = 3 // no prompt is without rollouts, some rollouts are without tokens
      for (let prompt = 0; prompt < prompts; prompt++) lengths[prompt * rollouts] ||= 1
      const mask = logprobs.map((_, i) => (i % tokens < lengths[Math.floor(i / tokens)]! ? 1 : 0))
      const shape = [prompts, rollouts, tokens]
      const actual = right(
        await transfer.read(
          device.confidences(ops.fromHost({ shape, data: logprobs }), ops.fromHost({ shape, data: mask }), kind),
        )(),
      )
      for (let prompt = 0; prompt < prompts; prompt++) {
        const rows = Array.from({ length: rollouts }, (_, g) => prompt * rollouts + g).filter(
          (row) => lengths[row]! > 0,
        )
        const expected = confidence(
          rows.map((row) => logprobs.subarray(row * tokens, row * tokens + lengths[row]!)),
          kind,
        )
        expect(actual[prompt]).toBeCloseTo(expected, 4)
      }
    },
  )

  it('law: log-probs are those at the temperature', async () => {
    const logits = gaussian(12, 6)
    const { logprob } = device.tokenLogprobs(ops.fromHost({ shape: [2, 6], data: logits }), [4, 0], {
      temperature: 0.5,
    })
    const expected = [4, 6].map((at, row) => {
      const z = Array.from(logits.subarray(row * 6, row * 6 + 6), (value) => value / 0.5)
      return logits[at]! / 0.5 - Math.log(z.reduce((total, value) => total + Math.exp(value), 0))
    })
    const actual = right(await transfer.read(logprob)())
    expected.forEach((value, row) => expect(actual[row]).toBeCloseTo(value, 4))
  })
})

describe('Durian advantages on a device', () => {
  const compared = async (rewards: ReadonlyArray<ReadonlyArray<number>>, seed: number, options: DurianOptions) => {
    const prompts = rewards.length
    const scores = gaussian(prompts, seed)
    const entropies = Array.from(gaussian(prompts, seed + 1), (x, s) => (s % 5 === 4 ? null : Math.abs(x)))
    const host = durianAdvantages(
      rewards.map((row, s) => ({ rewards: row, entropy: entropies[s]!, confidence: scores[s]! })),
      options,
    )
    await leavingNothing(async () => {
      const samples = {
        rewards: ops.fromHost({ shape: [prompts, rewards[0]!.length], data: rewards.flat() }),
        entropies,
        confidences: ops.fromHost({ shape: [prompts], data: scores }),
      }
      const result = right(await device.durianAdvantages(samples, options)())
      expect(result.reasoning.buckets).toEqual(host.reasoning.buckets)
      expect(result.perceptual.buckets).toEqual(host.perceptual.buckets)
      const pairs = [
        [result.components.grpo, host.components.grpo],
        [result.components.perceptual, host.components.perceptual],
        [result.components.reasoning, host.components.reasoning],
        [result.advantages, host.advantages],
      ] as const
      for (const [tensor, expected] of pairs) {
        const actual = right(await transfer.read(tensor)())
        expected.flat().forEach((value, i) => {
          if (value === 0) expect(Math.abs(actual[i]!)).toBe(0)
          else expect(Math.abs(actual[i]! - value!)).toBeLessThan(1e-4 * Math.abs(value!) + 1e-5)
        })
      }
      memory.free([samples.rewards, samples.confidences, result.advantages, Object.values(result.components)])
    })
  }
  const choices = [0, 0.1, 0.9, 1]
  const drawn = (prompts: number, rollouts: number, name: number) => {
    const picks = integers(prompts * rollouts, 4, name)
    return Array.from({ length: prompts }, (_, s) =>
      Array.from({ length: rollouts }, (_, g) => choices[picks[s * rollouts + g]!]!),
    )
  }

  it.each([
    [40, 8],
    [7, 4],
    [3, 2],
    [1, 8],
    [4, 1],
  ])("law: equal core's host function for %i prompts of %i rollouts", (prompts, rollouts) =>
    compared(drawn(prompts, rollouts, prompts), prompts, durianDefaults),
  )

  it('law: are exactly 0 for constant groups and constant buckets, also without epsilon', () =>
    compared(
      [
        [1, 1, 1],
        [0.1, 0.1, 0.1],
        [1, 0, 1],
        [0.9, 0.9, 0.9],
        [0, 1, 0],
      ],
      4,
      {
        ...durianDefaults,
        epsilon: 0,
        reasoningGroups: 5,
      },
    ))

  it('law: one slip of the format among equal rewards keeps its size', () =>
    compared(
      [
        [1, 1, 1, 1, 0.9],
        [1, 0, 0, 1, 1],
        [0, 0, 0, 0, 0],
      ],
      9,
      { ...durianDefaults, reasoningGroups: 1 },
    ))
})
