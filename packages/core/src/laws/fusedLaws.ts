import fc from 'fast-check'
import { derivedRmsNorm, derivedRotary, derivedSwiglu, linear, scalar, sumAll } from '../ops/derived.ts'
import { derivedAdamW } from '../optim/adamw.ts'
import type { AdamWNumbers, Fused, HostTensor, TensorOps } from '../ops/tensorOps.ts'
import { fixedTensor, positive, tensor } from './arbitraries.ts'
import { expectClose } from './close.ts'
import { evaluate, evaluateReference, lawOfCases, type Case } from './evaluate.ts'
import { actualGradients, expectedGradients, gradientCase } from './gradientCase.ts'
import type { Law, Subject } from './law.ts'

type FusedName = keyof Fused<unknown>

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
}

/** Each fused kernel the backend has gives the values and the gradients of the program it replaces. */
export const fusedLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> =>
  (Object.keys(rules) as ReadonlyArray<FusedName>)
    .filter((name) => subject.backend.ops.fused?.[name] !== undefined)
    .flatMap((name) => {
      const { derived, fused, inputs, large, differentiable } = rules[name]
      const random = fc
        .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 6 }))
        .chain(([r, w]) => inputs(r, w))
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
