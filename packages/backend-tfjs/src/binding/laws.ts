import {
  confidence,
  durianAdvantages,
  durianDefaults,
  normals,
  randomInts,
  visualEntropy,
  type Backend,
  type BackendError,
  type ConfidenceKind,
  type DurianOptions,
} from '@durian/core'
import { expectClose, type Law, type Tolerance } from '@durian/core/laws'
import { either as E, type taskEither as TE } from 'fp-ts'
import { paperQuantities } from './bind.ts'

/** float32 through a few sums; the entropy goes through eigenvalues. */
const TOLERANCE: Tolerance = { atol: 5e-5, rtol: 1e-4 }
const EXACT: Tolerance = { atol: 0, rtol: 0 }

const gaussian = (n: number, name: number): Float32Array => Float32Array.from(normals({ seed: 11, stream: name }, n))
const integers = (n: number, bound: number, name: number) => randomInts({ seed: 13, stream: name }, n, bound)

const right = async <A>(effect: TE.TaskEither<BackendError, A>): Promise<A> => {
  const result = await effect()
  if (E.isLeft(result)) throw new Error(`${result.left.backend}: ${result.left.reason}`)
  return result.right
}

const same = (what: string, actual: unknown, expected: unknown): void => {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`${what}: got ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`)
  }
}

const numbers = (data: ArrayLike<number>) => ({ shape: [data.length], data: Array.from(data) })

/**
 * The paper's quantities on a backend's tensors equal core's host functions, and leave nothing on the device. No test runner, like core's laws:
 * every home of every backend runs this list.
 */
export const bindingLaws = <T>(backend: Backend<T>): ReadonlyArray<Law> => {
  const { memory } = backend
  const law = (name: string, check: () => Promise<void>): Law => ({
    name: `binding: ${name}`,
    check: async () => {
      const before = memory.liveTensors()
      await check()
      same('tensors that stay', memory.liveTensors() - before, 0)
    },
  })
  return [...entropyLaws(backend, law), ...confidenceLaws(backend, law), ...advantageLaws(backend, law)]
}

type MakeLaw = (name: string, check: () => Promise<void>) => Law

const entropyLaws = <T>(backend: Backend<T>, law: MakeLaw): ReadonlyArray<Law> => {
  const { ops, memory } = backend
  const entropyOf = async (rows: number, cols: number, data: Float32Array): Promise<number> => {
    const features = ops.fromHost({ shape: [rows, cols], data })
    try {
      return await right(paperQuantities(backend).visualEntropy(features))
    } finally {
      memory.free(features)
    }
  }
  const compared = (rows: number, cols: number, data: Float32Array) => async () =>
    expectClose(
      'entropy',
      numbers([await entropyOf(rows, cols, data)]),
      numbers([visualEntropy({ rows, cols, data })]),
      TOLERANCE,
    )
  const sizes = [
    [12, 5],
    [5, 12],
    [16, 16],
    [2, 3],
    [1, 7],
    [64, 48],
  ] as const
  const scales = [
    ['large', 1e15],
    ['small', 1e-15],
  ] as const
  return [
    ...sizes.map(([rows, cols]) =>
      law(`visual entropy of ${rows} patches of ${cols} features`, compared(rows, cols, gaussian(rows * cols, rows))),
    ),
    ...scales.map(([name, scale]) =>
      law(
        `visual entropy of ${name} features`,
        compared(
          10,
          6,
          gaussian(60, 3).map((x) => x * scale),
        ),
      ),
    ),
    law('a picture without variance has entropy 0, also far from the origin', async () =>
      same('entropy', await entropyOf(8, 5, new Float32Array(40).fill(12345.678)), 0),
    ),
  ]
}

const confidenceLaws = <T>(backend: Backend<T>, law: MakeLaw): ReadonlyArray<Law> => {
  const { ops, memory, transfer } = backend
  const device = paperQuantities(backend)
  const compared = (kind: ConfidenceKind) => async () => {
    const [prompts, rollouts, tokens] = [5, 4, 7]
    const logprobs = gaussian(prompts * rollouts * tokens, 5).map((x) => -Math.abs(x))
    const lengths = Array.from(integers(prompts * rollouts, tokens + 1, 1))
    lengths[0] = 3 // no prompt is without rollouts, some rollouts are without tokens
    for (let prompt = 0; prompt < prompts; prompt++) lengths[prompt * rollouts] ||= 1
    const mask = logprobs.map((_, i) => (i % tokens < lengths[Math.floor(i / tokens)]! ? 1 : 0))
    const shape = [prompts, rollouts, tokens]
    const result = memory.scope(() =>
      device.confidences(ops.fromHost({ shape, data: logprobs }), ops.fromHost({ shape, data: mask }), kind),
    )
    const expected = Array.from({ length: prompts }, (_, prompt) =>
      confidence(
        Array.from({ length: rollouts }, (_, g) => prompt * rollouts + g)
          .filter((row) => lengths[row]! > 0)
          .map((row) => logprobs.subarray(row * tokens, row * tokens + lengths[row]!)),
        kind,
      ),
    )
    expectClose(kind, numbers(await right(transfer.read(result))), numbers(expected), TOLERANCE)
    memory.free(result)
  }
  return [
    law('confidence by sequence-sum', compared('sequence-sum')),
    law('confidence by token-mean', compared('token-mean')),
    law('log-probs are those at the temperature', async () => {
      const logits = gaussian(12, 6)
      const scores = memory.scope(() =>
        device.tokenLogprobs(ops.fromHost({ shape: [2, 6], data: logits }), [4, 0], { temperature: 0.5 }),
      )
      const expected = [4, 6].map((at, row) => {
        const z = Array.from(logits.subarray(row * 6, row * 6 + 6), (value) => value / 0.5)
        return logits[at]! / 0.5 - Math.log(z.reduce((total, value) => total + Math.exp(value), 0))
      })
      expectClose('log-probs', numbers(await right(transfer.read(scores.logprob))), numbers(expected), TOLERANCE)
      memory.free([scores.logprob, scores.entropy])
    }),
  ]
}

const advantageLaws = <T>(backend: Backend<T>, law: MakeLaw): ReadonlyArray<Law> => {
  const { ops, memory, transfer } = backend
  const compared =
    (rewards: ReadonlyArray<ReadonlyArray<number>>, seed: number, options: DurianOptions) => async () => {
      const prompts = rewards.length
      const scores = gaussian(prompts, seed)
      const entropies = Array.from(gaussian(prompts, seed + 1), (x, s) => (s % 5 === 4 ? null : Math.abs(x)))
      const host = durianAdvantages(
        rewards.map((row, s) => ({ rewards: row, entropy: entropies[s]!, confidence: scores[s]! })),
        options,
      )
      const samples = {
        rewards: ops.fromHost({ shape: [prompts, rewards[0]!.length], data: rewards.flat() }),
        entropies,
        confidences: ops.fromHost({ shape: [prompts], data: scores }),
      }
      const result = await right(paperQuantities(backend).durianAdvantages(samples, options))
      same('reasoning buckets', result.reasoning.buckets, host.reasoning.buckets)
      same('perceptual buckets', result.perceptual.buckets, host.perceptual.buckets)
      const pairs = [
        ['grpo', result.components.grpo, host.components.grpo],
        ['perceptual', result.components.perceptual, host.components.perceptual],
        ['reasoning', result.components.reasoning, host.components.reasoning],
        ['advantages', result.advantages, host.advantages],
      ] as const
      for (const [name, tensor, expected] of pairs) {
        const actual = numbers(await right(transfer.read(tensor)))
        const wanted = numbers(expected.flat() as ReadonlyArray<number>)
        expectClose(name, actual, wanted, { atol: 1e-5, rtol: 1e-4 })
        // what is 0 on the host is exactly 0 on the device: a constant group or bucket says nothing
        const zeros = wanted.data.flatMap((value, i) => (value === 0 ? [i] : []))
        const at = ({ data }: typeof wanted) => numbers(zeros.map((i) => data[i]!))
        expectClose(`${name}, where they are 0`, at(actual), at(wanted), EXACT)
      }
      memory.free([samples.rewards, samples.confidences, result.advantages, Object.values(result.components)])
    }
  const choices = [0, 0.1, 0.9, 1]
  const drawn = (prompts: number, rollouts: number, name: number) => {
    const picks = integers(prompts * rollouts, 4, name)
    return Array.from({ length: prompts }, (_, s) =>
      Array.from({ length: rollouts }, (_, g) => choices[picks[s * rollouts + g]!]!),
    )
  }
  const sizes = [
    [40, 8],
    [7, 4],
    [3, 2],
    [1, 8],
    [4, 1],
  ] as const
  return [
    ...sizes.map(([prompts, rollouts]) =>
      law(
        `advantages of ${prompts} prompts of ${rollouts} rollouts`,
        compared(drawn(prompts, rollouts, prompts), prompts, durianDefaults),
      ),
    ),
    law(
      'advantages are exactly 0 for constant groups and constant buckets, also without epsilon',
      compared(
        [
          [1, 1, 1],
          [0.1, 0.1, 0.1],
          [1, 0, 1],
          [0.9, 0.9, 0.9],
          [0, 1, 0],
        ],
        4,
        { ...durianDefaults, epsilon: 0, reasoningGroups: 5 },
      ),
    ),
    law(
      'one slip of the format among equal rewards keeps its size',
      compared(
        [
          [1, 1, 1, 1, 0.9],
          [1, 0, 0, 1, 1],
          [0, 0, 0, 0, 0],
        ],
        9,
        { ...durianDefaults, reasoningGroups: 1 },
      ),
    ),
  ]
}
