import fc from 'fast-check'
import { drawToken, offer, type DrawOptions } from '../ops/drawToken.ts'
import type { HostTensor } from '../ops/tensorOps.ts'
import { fixedTensor, type Grid, tensor } from './arbitraries.ts'
import { lawOfCases, readTensor } from './evaluate.ts'
import type { Law, Subject, Tolerance } from './law.ts'

interface DrawCase {
  readonly logits: HostTensor
  readonly uniforms: ReadonlyArray<number>
  readonly options: DrawOptions
}

const all: DrawOptions = { temperature: 1, topP: 1, topK: 0, banned: new Set() }
/** The largest number below 1 that a uniform can be. */
const last = 1 - 2 ** -53

const rowOf = ({ shape, data }: HostTensor, row: number): ReadonlyArray<number> => {
  const width = shape[1]!
  return Array.from({ length: width }, (_, id) => data[row * width + id]!)
}

/** Evenly spread uniforms, both ends among them. */
const spread = (count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => (count === 1 ? 0.5 : (last * i) / (count - 1)))

const fixedCase = (logits: HostTensor, options: Partial<DrawOptions> = {}): DrawCase => ({
  logits,
  uniforms: spread(logits.shape[0]!),
  options: { ...all, ...options },
})

/** One row, met by so many uniforms. */
const repeated = (row: ReadonlyArray<number>, count: number): HostTensor => ({
  shape: [count, row.length],
  data: Array.from({ length: count }, () => row).flat(),
})

const wide: Grid = { lo: -30, hi: 30 }
const ties = [1, 0, 2, 2, -1, 2, 0, -0, 1, 2]
const fixed: ReadonlyArray<DrawCase> = [
  // more tokens than a workgroup has lanes, and not a multiple of them
  fixedCase(fixedTensor([5, 1000])),
  fixedCase(fixedTensor([3, 1003], wide), { temperature: 0.7, banned: new Set([0, 500, 1002]) }),
  fixedCase(fixedTensor([2, 4999], { lo: 0, hi: 0 })),
  fixedCase(fixedTensor([5, 1000]), { temperature: 0, banned: new Set([7, 999]) }),
  fixedCase(fixedTensor([5, 1000]), { topK: 20, temperature: 1.3 }),
  fixedCase(fixedTensor([5, 1000]), { topP: 0.9, banned: new Set([3]) }),
  fixedCase(fixedTensor([5, 1000], wide), { topK: 300, topP: 0.75 }),
  fixedCase(fixedTensor([3, 1])),
  // ties at the edge of top-k, which stay, and of top-p, of which the first stay; zeros of both signs are ties
  fixedCase(repeated(ties, 9), { topK: 2 }),
  fixedCase(repeated(ties, 9), { topK: 7 }),
  fixedCase(repeated(ties, 9), { topP: 0.4 }),
  fixedCase(repeated(ties, 9), { topP: 0.01 }),
  fixedCase(repeated(ties, 3), { temperature: 0, banned: new Set([2]) }),
  // logits that mean never, a banned token above which the others vanish, top-k of more than there are
  fixedCase(repeated([-Infinity, 1, -Infinity, 0, -Infinity], 5)),
  fixedCase(repeated([300, 1, 0, 2], 5), { banned: new Set([0]) }),
  fixedCase(repeated([300, 1, 0, 2], 2), { banned: new Set([0]), temperature: 0 }),
  fixedCase(repeated([1, 0, 2], 3), { topK: 2, banned: new Set([2]) }),
]

const random: fc.Arbitrary<DrawCase> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 9 }))
  .chain(([rows, words]) =>
    fc.record({
      logits: tensor([rows, words]),
      uniforms: fc.array(fc.double({ min: 0, max: last, noNaN: true }), { minLength: rows, maxLength: rows }),
      options: fc.record({
        temperature: fc.constantFrom(0, 0.5, 1, 1.7),
        topP: fc.constantFrom(1, 0.9, 0.35),
        topK: fc.nat({ max: 4 }),
        banned: fc.subarray([0, words - 1], { maxLength: 1 }).map((ids) => new Set(ids)),
      }),
    }),
  )

/** [3, N] of the backend. */
const drawn = async <T>({ backend }: Subject<T>, { logits, uniforms, options }: DrawCase): Promise<HostTensor> => {
  const { ops, memory } = backend
  const result = memory.scope(() => ops.fused!.drawTokens!(ops.fromHost(logits), uniforms, options))
  try {
    return await readTensor(backend, result)
  } finally {
    memory.free(result)
  }
}

/** How far `u` is from where float64 draws this token, and the mass that is then excluded; Infinity where it never does. */
const reach = (
  row: ReadonlyArray<number>,
  options: DrawOptions,
  { token, u }: { readonly token: number; readonly u: number },
): { readonly distance: number; readonly excluded: number } => {
  const { kept, weights, mass, total } = offer(options)(row)
  const place = kept.indexOf(token)
  if (place < 0 || weights[token] === 0) return { distance: Infinity, excluded: NaN }
  let before = 0
  for (const id of kept.subarray(0, place)) before += weights[id]!
  const [from, to] = [before / mass, (before + weights[token]!) / mass]
  return { distance: Math.max(0, from - u, u - to), excluded: kept.length === row.length ? 0 : 1 - mass / total }
}

const isClose = (actual: number, expected: number, { atol, rtol }: Tolerance): boolean =>
  Math.abs(actual - expected) <= (expected === 0 ? 0 : atol + rtol * Math.abs(expected))

/** Throws unless each token is float64's for a `u` and a `topP` within the relative tolerance, and the numbers are that token's. */
const expectDraws = ({ logits, uniforms, options }: DrawCase, actual: HostTensor, tolerance: Tolerance): void => {
  const count = uniforms.length
  if (actual.shape.join() !== `3,${count}`) throw new Error(`drawTokens gave [${actual.shape}], expected [3,${count}]`)
  uniforms.forEach((u, n) => {
    const [token, logprob, excluded] = [0, 1, 2].map((part) => actual.data[part * count + n]!) as [
      number,
      number,
      number,
    ]
    const row = rowOf(logits, n)
    const exact = drawToken(options)(row, u)
    const where = `row ${n} of [${logits.shape}] with u = ${u}`
    const moved = options.topP === 1 ? [1] : [0, -tolerance.rtol, tolerance.rtol].map((by) => options.topP + by)
    const reached = moved.map((topP) => reach(row, { ...options, topP }, { token, u }))
    const near =
      options.temperature === 0
        ? [{ distance: token === exact.token ? 0 : Infinity, excluded: exact.excludedMass }]
        : reached
    const good = near.filter(({ distance }) => distance <= tolerance.rtol)
    if (good.length === 0) {
      const far = Math.min(...near.map(({ distance }) => distance))
      throw new Error(`${where}: drew ${token}, float64 draws ${exact.token}; u is ${far} from where it would be right`)
    }
    // drawn alone it has the same log-prob: the ban does not change that
    const others = new Set(row.keys())
    others.delete(token)
    const own = drawToken({ ...all, temperature: options.temperature, banned: others })(row, 0).logprob
    if (!isClose(logprob, own, tolerance)) throw new Error(`${where}: log-prob ${logprob} of ${token}, expected ${own}`)
    if (!good.some((one) => isClose(excluded, one.excluded, tolerance)))
      throw new Error(`${where}: excluded mass ${excluded}, expected ${exact.excludedMass}`)
  })
}

/** The draw of a backend is that of float64 up to the rounding of its sums, and a row's own. */
export const drawLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> => {
  if (subject.backend.ops.fused?.drawTokens === undefined) return []
  return [
    lawOfCases(subject, 'fused: drawTokens draws as float64 does', { random, fixed }, async (one) =>
      expectDraws(one, await drawn(subject, one), subject.tolerance),
    ),
    {
      name: 'fused: drawTokens of a row depends on no other row',
      check: async () => {
        const together = fixedCase(fixedTensor([7, 333]), { temperature: 0.8 })
        const whole = await drawn(subject, together)
        for (const [n, u] of together.uniforms.entries()) {
          const logits = { shape: [1, 333], data: rowOf(together.logits, n) }
          const alone = await drawn(subject, { ...together, logits, uniforms: [u] })
          const same = [0, 1, 2].every((part) => Object.is(alone.data[part], whole.data[part * 7 + n]))
          if (!same) throw new Error(`row ${n}: alone it gives [${alone.data.toString()}], among others something else`)
        }
      },
    },
    {
      name: 'fused: drawTokens gives a log-prob of NaN where a logit is',
      check: async () => {
        for (const temperature of [0, 1])
          for (const options of [{}, { topK: 1 }, { topP: 0.5 }]) {
            const logits = { shape: [2, 3], data: [1, NaN, 2, 1, 3, 2] }
            const { data } = await drawn(subject, fixedCase(logits, { ...options, temperature }))
            if (!Number.isNaN(data[2])) throw new Error(`the log-prob in a row with NaN is ${data[2]!}`)
            if (!Number.isFinite(data[3])) throw new Error(`the log-prob beside a row with NaN is ${data[3]!}`)
          }
      },
    },
  ]
}
