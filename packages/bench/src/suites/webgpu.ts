import type { KernelChoice, OpenedWebGpu } from '@durian/backend-webgpu'
import { normals, sizeOf, type Backend, type Shape } from '@durian/core'
import { attempt, type TrainError } from '@durian/trainer'
import { either as E, type taskEither as TE } from 'fp-ts'
import type { Case, Subject } from '../harness.ts'
import { policyWork, type PolicySizes, type PolicyWork } from './policy.ts'

/** Programs given to the device for one piece of work. */
export interface DispatchCount {
  readonly work: string
  readonly by: string
  readonly dispatches: number
}

export interface WebGpuCases {
  readonly cases: ReadonlyArray<Case>
  /** Counted before anything is timed. */
  readonly counts: ReadonlyArray<DispatchCount>
}

/** Who computes: our kernels as the device wants them, and tfjs's own. */
const contestants = (own: KernelChoice) =>
  [
    { by: 'durian', choice: own },
    { by: 'tfjs', choice: 'stock' },
  ] as const satisfies ReadonlyArray<{ readonly by: string; readonly choice: KernelChoice }>

type Use<T> = (choice: KernelChoice) => Backend<T>

/** tokens that the difference between two samplings is taken over */
const [SHORT, LONG] = [2, 10]

/**
 * Our kernels beside tfjs's own on one device, in turns: a training step and sampling of the demo's model, and single operations.
 * The kernels are switched before each run, outside its clock.
 */
export const webgpuCases = (
  { kernels, facts }: OpenedWebGpu,
  sizes: PolicySizes,
): TE.TaskEither<TrainError, WebGpuCases> =>
  attempt(async (take) => {
    const own: KernelChoice = facts.software ? 'barrier-free' : 'shared-memory'
    const works: Array<{ readonly by: string; readonly choice: KernelChoice; readonly work: PolicyWork }> = []
    for (const one of contestants(own))
      works.push({ ...one, work: await take(policyWork(kernels.use(one.choice), sizes)) })

    const counts: DispatchCount[] = []
    for (const { by, choice, work } of works) {
      kernels.use(choice)
      const dispatchesOf = async (run: () => Promise<unknown>): Promise<number> => {
        const before = kernels.dispatches()
        await run()
        return kernels.dispatches() - before
      }
      counts.push({ work: 'training step', by, dispatches: await dispatchesOf(work.update) })
      const short = await dispatchesOf(() => work.sample(SHORT))
      const long = await dispatchesOf(() => work.sample(LONG))
      counts.push({ work: 'one more token of every rollout', by, dispatches: (long - short) / (LONG - SHORT) })
    }

    const size = `${sizes.prompts} x ${sizes.rollouts} x <= ${sizes.length} tokens`
    const timed = (run: (work: PolicyWork) => Promise<unknown>) =>
      works.map(({ by, choice, work }): Subject => ({ by, once: clocked(kernels.use, choice, () => run(work)) }))
    const [drawn] = works.map(({ work }) => work.drawn)
    const policy: ReadonlyArray<Case> = [
      {
        suite: 'policy on webgpu',
        name: 'training step (gradient, clipping, AdamW)',
        size,
        work: { count: () => drawn!, unit: 'tokens' },
        subjects: pair(timed((work) => work.update())),
      },
      {
        suite: 'policy on webgpu',
        name: 'sampling',
        size: `${sizes.prompts} x ${sizes.rollouts} x ${LONG} tokens`,
        work: { count: () => sizes.prompts * sizes.rollouts * LONG, unit: 'tokens' },
        subjects: pair(timed((work) => work.sample(LONG))),
      },
    ]
    return { cases: [...policy, ...kernelCases(kernels.use, own)], counts }
  })

/** One run with these kernels; the clock starts behind the switch. */
const clocked =
  <T>(use: Use<T>, choice: KernelChoice, run: (backend: Backend<T>) => Promise<unknown>) =>
  async (): Promise<number> => {
    const backend = use(choice)
    const began = performance.now()
    await run(backend)
    return performance.now() - began
  }

const pair = (subjects: ReadonlyArray<Subject>): readonly [Subject, ...Subject[]] => {
  const [first, ...others] = subjects
  if (first === undefined) throw new RangeError('a case needs a subject')
  return [first, ...others]
}

interface Operation {
  readonly name: string
  readonly shapes: ReadonlyArray<Shape>
  readonly run: <T>(backend: Backend<T>, inputs: ReadonlyArray<T>) => T
  /** Floating point operations of one run. */
  readonly flop: number
}

const attended = <T>({ ops }: Backend<T>, [q, k, v]: ReadonlyArray<T>): T =>
  ops.fused?.attention === undefined
    ? ops.matmul(ops.softmax(ops.matmul(q!, k!, { transposeB: true })), v!)
    : ops.fused.attention(q!, { keys: k!, values: v! })

const operations: ReadonlyArray<Operation> = [
  {
    name: 'matmul',
    shapes: [
      [256, 256],
      [256, 256],
    ],
    run: ({ ops }, [a, b]) => ops.matmul(a!, b!),
    flop: 2 * 256 ** 3,
  },
  {
    name: 'matmul, both transposed',
    shapes: [
      [2, 96, 192],
      [2, 128, 96],
    ],
    run: ({ ops }, [a, b]) => ops.matmul(a!, b!, { transposeA: true, transposeB: true }),
    flop: 4 * 96 * 192 * 128,
  },
  {
    name: 'attention, forward',
    shapes: [
      [32, 96, 32],
      [32, 96, 32],
      [32, 96, 32],
    ],
    run: attended,
    flop: 4 * 32 * 96 * 96 * 32,
  },
  {
    name: 'attention, forward and backward',
    shapes: [
      [32, 96, 32],
      [32, 96, 32],
      [32, 96, 32],
      [32, 96, 32],
    ],
    run: (backend, [q, k, v, dy]) =>
      backend.gradients.vjp((inputs) => attended(backend, inputs))([q!, k!, v!], dy!).grads[0]!,
    flop: 14 * 32 * 96 * 96 * 32,
  },
  {
    name: 'rmsNorm',
    shapes: [[1024, 128], [128]],
    run: ({ ops }, [x, w]) => ops.fused!.rmsNorm!(x!, w!, 1e-6),
    flop: 4 * 1024 * 128,
  },
]

/** Single operations, each with a read of its result. */
const kernelCases = <T>(use: Use<T>, own: KernelChoice): ReadonlyArray<Case> =>
  operations.map(({ name, shapes, run, flop }): Case => {
    const { ops, memory } = use(own)
    const inputs = shapes.map((shape, i) =>
      ops.fromHost({ shape, data: Float32Array.from(normals({ seed: 5, stream: i }, sizeOf(shape))) }),
    )
    const once = async (backend: Backend<T>): Promise<void> => {
      const result = backend.memory.scope(() => run(backend, inputs))
      const read = await backend.transfer.read(result)()
      backend.memory.free(result)
      if (E.isLeft(read)) throw new Error(read.left.reason)
    }
    return {
      suite: 'kernels on webgpu',
      name,
      size: shapes.map((shape) => `[${shape.join(', ')}]`).join(' '),
      work: { count: () => flop / 1e9, unit: 'GFLOP' },
      subjects: pair(contestants(own).map(({ by, choice }) => ({ by, once: clocked(use, choice, once) }))),
      close: () => memory.free(inputs),
    }
  })
