import fc from 'fast-check'
import { derivedAttention } from '../ops/attention.ts'
import { derivedLinear, derivedRmsNorm, derivedRotary, derivedSwiglu, linear, scalar, sumAll } from '../ops/derived.ts'
import { derivedAdamW } from '../optim/adamw.ts'
import { sizeOf, type Shape } from '../ops/shape.ts'
import type { AdamWNumbers, Fused, HostTensor, OwnTokens, TensorOps } from '../ops/tensorOps.ts'
import { fixedTensor, type Grid, positive, tensor } from './arbitraries.ts'
import { expectClose } from './close.ts'
import { type DecodingCase, derivedDecoding, tokenAt } from './derivedDecoding.ts'
import { evaluate, evaluateReference, lawOfCases, type Case } from './evaluate.ts'
import { actualGradients, expectedGradients, gradientCase } from './gradientCase.ts'
import type { Law, Subject } from './law.ts'

/** What is judged by a program; a draw, which jumps from one token to the next, has laws of its own. */
type FusedName = Exclude<keyof Fused<unknown>, 'drawTokens'>

interface FusedRule {
  readonly derived: (...inputs: ReadonlyArray<HostTensor>) => Case
  /** The same case through the kernel, where the operations at hand have one. */
  readonly fused: (...inputs: ReadonlyArray<HostTensor>) => Case
  readonly inputs: (rows: number, width: number) => fc.Arbitrary<ReadonlyArray<HostTensor>>
  readonly large: ReadonlyArray<ReadonlyArray<HostTensor>>
  /** Which inputs have gradients; none: the kernel has no gradient. Default: all. */
  readonly differentiable?: ReadonlyArray<number>
}

const epsilon = 1e-5
const small = { lo: -1, hi: 1 }

/** Attention of these under a mask for each half of the runs (of the one run) that hides the first key of every second row, and the last. */
const attended = <T>(ops: TensorOps<T>, program: typeof derivedAttention, xs: ReadonlyArray<T>): T => {
  const [queries, keys, values, sharedKeys, sharedValues] = xs as readonly [T, T, T, T | undefined, T | undefined]
  const [runs, rows] = ops.shape(queries) as readonly [number, number]
  const count = ops.shape(keys)[1]! + (sharedKeys === undefined ? 0 : ops.shape(sharedKeys)[1]!)
  const lots = runs % 2 === 0 ? 2 : 1
  const hidden = Array.from({ length: lots * rows * count }, (_, i) => {
    const [key, row] = [i % count, Math.floor(i / count)]
    return (key === 0 && row % 2 === 0) || (key === count - 1 && row < rows) ? -1e9 : 0
  })
  return program(ops, queries, {
    keys,
    values,
    ...(sharedKeys === undefined ? {} : { shared: { keys: sharedKeys, values: sharedValues! } }),
    // three rows or more: without a mask now and then
    ...(rows > 4 && rows % 2 === 0 ? {} : { mask: ops.fromHost({ shape: [lots, rows, count], data: hidden }) }),
  })
}

const kernel = <T, N extends FusedName>(ops: TensorOps<T>, name: N): Fused<T>[N] => {
  const entry = ops.fused?.[name]
  if (entry === undefined) throw new Error(`the backend has no fused ${name}`)
  return entry
}

const labelled = (name: string, inputs: ReadonlyArray<HostTensor>, program: Case['program']): Case => ({
  label: `${name} of ${inputs.map(({ shape }) => `[${shape}]`).join(' and ')}`,
  inputs,
  program,
})

const adamWNumbers: AdamWNumbers = {
  keepFirst: 0.9,
  takeFirst: 0.1,
  keepSecond: 0.99,
  takeSecond: 0.01,
  rate: 0.05,
  guard: 1e-3,
  shrink: 0.97,
}

/** p', m' and v' of a step with and without decay, one behind the other. */
const movedParts = <T>(ops: TensorOps<T>, move: Fused<T>['adamW'], [p, g, m, v]: ReadonlyArray<T>): T =>
  ops.concat(
    [adamWNumbers, { ...adamWNumbers, shrink: 1 }].flatMap((numbers) => {
      const { param, first, second } = move(p!, g!, { first: m!, second: v! }, numbers)
      return [param, first, second]
    }),
    0,
  )

/** Attention's inputs: their products are scores, and e^score magnifies what rounding a large one leaves. */
const moderate: Grid = { lo: -1, hi: 1, offset: 1 / 1024 }

/** Two prompts of 9 and 8 tokens, two key heads, four query heads. */
const decodingShapes = ({
  steps,
  rollouts,
  half,
}: {
  readonly steps: number
  readonly rollouts: number
  readonly half: number
}): ReadonlyArray<Shape> => {
  const [tokens, headDim] = [2 * rollouts, 2 * half]
  return [[steps, tokens, 8 * headDim], ...[0, 1].map(() => [tokens, 1, headDim]), ...[0, 1].map(() => [4, 9, headDim])]
}

const decodingCase = <T>([qkv, cos, sin, keys, values]: ReadonlyArray<T>): DecodingCase<T> => ({
  qkv: qkv!,
  cos: cos!,
  sin: sin!,
  keys: keys!,
  values: values!,
  lengths: [9, 8],
})

/** Ids that meet the first, the last and repeated words of a vocabulary. */
const idsOf = ({ shape: [rows] }: HostTensor, { shape: [words] }: HostTensor): ReadonlyArray<number> =>
  Array.from({ length: rows! }, (_, i) => (5 * i + words! - 1) % words!)

const rules: Readonly<Record<FusedName, FusedRule>> = {
  rmsNorm: {
    derived: (...inputs) => labelled('rmsNorm', inputs, (ops, [x, w]) => derivedRmsNorm(ops, x!, w!, epsilon)),
    fused: (...inputs) => labelled('rmsNorm', inputs, (ops, [x, w]) => kernel(ops, 'rmsNorm')(x!, w!, epsilon)),
    inputs: (rows, width) => fc.tuple(tensor([rows, width]), tensor([width], positive)),
    large: [
      [fixedTensor([67, 128]), fixedTensor([128], positive)],
      [fixedTensor([2, 1]), fixedTensor([1], positive)],
      // A row of zeros has no direction: epsilon alone keeps it finite.
      [{ shape: [2, 3], data: [0, 0, 0, 1, -2, 3] }, fixedTensor([3], positive)],
    ],
  },
  swiglu: {
    derived: (...inputs) => labelled('swiglu', inputs, (ops, [gate, up]) => derivedSwiglu(ops, gate!, up!)),
    fused: (...inputs) => labelled('swiglu', inputs, (ops, [gate, up]) => kernel(ops, 'swiglu')(gate!, up!)),
    inputs: (rows, width) => fc.tuple(tensor([rows, width]), tensor([rows, width])),
    large: [
      [fixedTensor([67, 128]), fixedTensor([67, 128], positive)],
      [{ shape: [4], data: [-60, 60, 0, 1] }, fixedTensor([4], positive)],
    ],
  },
  headScores: {
    derived: (...inputs) =>
      labelled('headScores', inputs, (ops, [x, table]) => {
        const ids = idsOf(inputs[0]!, inputs[1]!)
        return ops.selectiveLogSoftmax(linear(ops, x!, table!), ids).logprob
      }),
    // two rows at once: blocks that are full, and a last one that may not be
    fused: (...inputs) =>
      labelled('headScores', inputs, (ops, [x, table]) => {
        const ids = idsOf(inputs[0]!, inputs[1]!)
        return kernel(ops, 'headScores')(x!, table!, { ids, rowsAtOnce: 2 }).logprob
      }),
    inputs: (rows, width) => fc.tuple(tensor([rows, width]), tensor([3, width])),
    large: [
      [fixedTensor([67, 32]), fixedTensor([9, 32], positive)],
      [fixedTensor([3, 4]), fixedTensor([1, 4], positive)],
    ],
  },
  linear: {
    derived: (...inputs) =>
      labelled('linear', inputs, (ops, [x, w, b, residual]) =>
        residual === undefined ? derivedLinear(ops, x!, w!, b) : ops.add(residual, derivedLinear(ops, x!, w!, b)),
      ),
    fused: (...inputs) =>
      labelled('linear', inputs, (ops, [x, w, bias, plus]) => kernel(ops, 'linear')(x!, w!, { bias, plus })),
    inputs: (rows, width) =>
      fc
        .tuple(tensor([rows, width]), tensor([3, width]), tensor([3]), tensor([rows, 3]), fc.nat(2))
        .map(([x, w, b, residual, kept]) => [x, w, b, residual].slice(0, 2 + kept)),
    large: [
      [fixedTensor([67, 130], small), fixedTensor([70, 130], small), fixedTensor([70]), fixedTensor([67, 70])],
      [fixedTensor([5, 600], small), fixedTensor([9, 600], small)],
      [fixedTensor([1, 3]), fixedTensor([5, 3], positive), fixedTensor([5])],
    ],
  },
  attention: {
    derived: (...inputs) => labelled('attention', inputs, (ops, xs) => attended(ops, derivedAttention, xs)),
    fused: (...inputs) =>
      labelled('attention', inputs, (ops, xs) =>
        attended(ops, (...[same, queries, given]) => kernel(same, 'attention')(queries, given), xs),
      ),
    inputs: (rows, width) =>
      fc
        .tuple(
          tensor([4, rows, width], small),
          tensor([4, 3, width], small),
          tensor([4, 3, width]),
          tensor([2, 5, width], small),
          tensor([2, 5, width]),
          fc.boolean(),
        )
        .map(([q, k, v, sharedKeys, sharedValues, shares]) => [q, k, v, ...(shares ? [sharedKeys, sharedValues] : [])]),
    large: [
      [
        fixedTensor([6, 35, 32], small),
        fixedTensor([6, 35, 32], { ...small, offset: 1 / 1024 }),
        fixedTensor([6, 35, 32]),
      ],
      [
        fixedTensor([4, 6, 16], small),
        fixedTensor([4, 3, 16], { ...small, offset: 1 / 1024 }),
        fixedTensor([4, 3, 16]),
        fixedTensor([2, 40, 16], { ...small, offset: 1 / 512 }),
        fixedTensor([2, 40, 16]),
      ],
      // scores of either sign beyond what exp can hold
      [fixedTensor([1, 4, 4], { lo: -32, hi: 32 }), fixedTensor([1, 5, 4], { lo: -4, hi: 32 }), fixedTensor([1, 5, 4])],
    ],
  },
  rotary: {
    derived: (...inputs) => labelled('rotary', inputs, (ops, [x, cos, sin]) => derivedRotary(ops, x!, cos!, sin!)),
    fused: (...inputs) => labelled('rotary', inputs, (ops, [x, cos, sin]) => kernel(ops, 'rotary')(x!, cos!, sin!)),
    inputs: (rows, width) =>
      fc.tuple(tensor([rows, 4 * width]), tensor([rows, 1, 2 * width]), tensor([rows, 1, 2 * width])),
    large: [
      [fixedTensor([67, 96]), fixedTensor([67, 1, 32]), fixedTensor([67, 1, 32], { lo: -1, hi: 1, offset: 0.5 })],
      [fixedTensor([3, 2]), fixedTensor([3, 1, 2]), fixedTensor([3, 1, 2], positive)],
    ],
    differentiable: [0],
  },
  narrowed: {
    derived: (...inputs) => labelled('narrowed', inputs, (_, [x]) => x!),
    fused: (...inputs) => labelled('narrowed', inputs, (ops, [x]) => kernel(ops, 'narrowed')(x!)),
    inputs: (rows, width) => fc.tuple(tensor([rows, width])),
    // an odd number of numbers, the largest there are, and those that 16 bits have only a few digits of
    large: [[fixedTensor([67, 33])], [{ shape: [7], data: [65504, -65504, 2 ** -14, -3 * 2 ** -24, 2 ** -24, 0, 1] }]],
  },
  adamW: {
    derived: (...inputs) =>
      labelled('adamW', inputs, (ops, xs) => movedParts(ops, derivedAdamW(ops, adamWNumbers), xs)),
    fused: (...inputs) => labelled('adamW', inputs, (ops, xs) => movedParts(ops, kernel(ops, 'adamW'), xs)),
    inputs: (rows, width) =>
      fc.tuple(tensor([rows, width]), tensor([rows, width]), tensor([rows, width]), tensor([rows, width], positive)),
    large: [
      [fixedTensor([67, 33]), fixedTensor([67, 33], positive), fixedTensor([67, 33]), fixedTensor([67, 33], positive)],
    ],
    differentiable: [],
  },
  squaredNorm: {
    derived: (...inputs) =>
      labelled('squaredNorm', inputs, (ops, xs) =>
        xs.reduce((total, x) => ops.add(total, sumAll(ops, ops.square(x))), scalar(ops, 0)),
      ),
    fused: (...inputs) => labelled('squaredNorm', inputs, (ops, xs) => kernel(ops, 'squaredNorm')(xs)),
    inputs: (rows, width) => fc.tuple(tensor([rows, width]), tensor([width]), tensor([])),
    large: [[fixedTensor([67, 129])], [fixedTensor([1]), fixedTensor([3, 2], positive)]],
    differentiable: [],
  },
  decodingAttention: {
    derived: (...inputs) => labelled('decodingAttention', inputs, (ops, xs) => derivedDecoding(ops, decodingCase(xs))),
    fused: (...inputs) =>
      labelled('decodingAttention', inputs, (ops, xs) => {
        const { qkv, cos, sin, ...prompt } = decodingCase(xs)
        let own: OwnTokens<(typeof xs)[number]> = { cache: null, length: 0 }
        const mixed = Array.from({ length: ops.shape(qkv)[0]! }, (_, step) => {
          const next = kernel(ops, 'decodingAttention')({ qkv: tokenAt(ops, qkv, step), cos, sin }, prompt, own)
          own = next.own
          return next.mixed
        })
        return ops.concat(mixed, 0)
      }),
    inputs: (rows, width) =>
      fc.tuple(...decodingShapes({ steps: 3, rollouts: rows, half: width }).map((shape) => tensor(shape, moderate))),
    large: [
      // more tokens than a cache has room for at first, heads that fill vector registers, and more than one prompt's length
      decodingShapes({ steps: 35, rollouts: 1, half: 2 }).map((shape) => fixedTensor(shape, moderate)),
      decodingShapes({ steps: 2, rollouts: 2, half: 20 }).map((shape) => fixedTensor(shape, moderate)),
    ],
    differentiable: [],
  },
  scaled: {
    derived: (...inputs) =>
      labelled('scaled', inputs, (ops, [factor, ...xs]) =>
        flattened(
          ops,
          xs.map((x) => ops.mul(x, factor!)),
        ),
      ),
    fused: (...inputs) =>
      labelled('scaled', inputs, (ops, [factor, ...xs]) => flattened(ops, kernel(ops, 'scaled')(xs, factor!))),
    inputs: (rows, width) => fc.tuple(tensor([]), tensor([rows, width]), tensor([width]), tensor([])),
    // more tensors than one dispatch takes, of different lengths
    large: [[fixedTensor([]), ...Array.from({ length: 9 }, (_, i) => fixedTensor([i + 1, 67]))]],
    differentiable: [],
  },
}

/** All numbers of some tensors, one after another. */
const flattened = <T>(ops: TensorOps<T>, xs: ReadonlyArray<T>): T =>
  ops.concat(
    xs.map((x) => ops.reshape(x, [sizeOf(ops.shape(x))])),
    0,
  )

/** Each fused kernel the backend has gives the values and the gradients of the program it replaces. */
export const fusedLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> =>
  (Object.keys(rules) as ReadonlyArray<FusedName>)
    .filter((name) => subject.backend.ops.fused?.[name] !== undefined)
    .flatMap((name) => {
      const { derived, fused, inputs, large: exact, differentiable } = rules[name]
      const held = heldBy(subject)
      const random = fc
        .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }))
        .chain(([r, w]) => inputs(r, w))
        .map(held)
      const large = exact.map(held)
      const values = { random, fixed: large }
      const gradients = { random, fixed: large.filter(([x]) => x!.data.length < 100) }
      const valueLaw = lawOfCases(subject, `fused: ${name} equals its program`, values, async (xs) =>
        expectClose(
          `fused ${fused(...xs).label}`,
          await evaluate(subject, fused(...xs)),
          evaluateReference(derived(...xs)),
          subject.tolerance,
        ),
      )
      if (differentiable?.length === 0) return [valueLaw]
      return [
        valueLaw,
        lawOfCases(subject, `fused: gradient of ${name} equals its program's`, gradients, async (xs) => {
          const expected = expectedGradients(gradientCase(watching(derived(...xs), differentiable)))
          const shape = evaluateReference(derived(...xs)).shape
          const one = { ...gradientCase(watching(fused(...xs), differentiable)), shape }
          const actual = await actualGradients(subject, one)
          const tolerance = subject.gradientTolerance ?? subject.tolerance
          for (const [key, grad] of Object.entries(expected.grads)) {
            expectClose(`fused ${one.label}, for ${key}`, actual.grads[key]!, grad, tolerance)
          }
        }),
      ]
    })

/** Inputs as the backend's operands hold them. */
const heldBy =
  <T>({ held }: Subject<T>) =>
  (xs: ReadonlyArray<HostTensor>): ReadonlyArray<HostTensor> =>
    held === undefined ? xs : xs.map(({ shape, data }) => ({ shape, data: Float64Array.from(data, held) }))

/** The same case with only some of its inputs as such; the others become constants of its program. */
const watching = ({ label, inputs, program }: Case, indices?: ReadonlyArray<number>): Case =>
  indices === undefined
    ? { label, inputs, program }
    : {
        label,
        inputs: indices.map((i) => inputs[i]!),
        program: (ops, xs) =>
          program(
            ops,
            inputs.map((x, i) => (indices.includes(i) ? xs[indices.indexOf(i)]! : ops.fromHost(x))),
          ),
      }
