import fc from 'fast-check'
import { E } from '../fp.ts'
import { referenceOps, type RefTensor } from '../ops/reference.ts'
import type { HostTensor, TensorOps } from '../ops/tensorOps.ts'
import type { Backend } from '../port/backend.ts'
import { expectClose } from './close.ts'
import type { Law, Subject } from './law.ts'

/** A program over any backend's tensors. */
export type Program = <T>(ops: TensorOps<T>, inputs: ReadonlyArray<T>) => T

/** One program at one input. */
export interface Case {
  readonly label: string
  readonly inputs: ReadonlyArray<HostTensor>
  readonly program: Program
}

/** @throws Error with the backend's reason when the device cannot be read */
export const readTensor = async <T>({ ops, transfer }: Backend<T>, x: T): Promise<HostTensor> => {
  const data = await transfer.read(x)()
  if (E.isLeft(data)) throw new Error(`${data.left.backend} could not be read: ${data.left.reason}`)
  return { shape: ops.shape(x), data: data.right }
}

/** Run a program on the subject and read its result; nothing stays behind. */
export const evaluate = async <T>({ backend }: Subject<T>, { inputs, program }: Case): Promise<HostTensor> => {
  const result = backend.memory.scope(() => program(backend.ops, inputs.map(backend.ops.fromHost)))
  try {
    return await readTensor(backend, result)
  } finally {
    backend.memory.free(result)
  }
}

export const evaluateReference = ({ inputs, program }: Case): RefTensor =>
  program(referenceOps, inputs.map(referenceOps.fromHost))

export const expectSameValue = async <T>(subject: Subject<T>, one: Case): Promise<void> =>
  expectClose(one.label, await evaluate(subject, one), evaluateReference(one), subject.tolerance)

/** Fixed cases first, then random ones: seeded, so a failure repeats. */
export const lawOfCases = <T, C>(
  subject: Subject<T>,
  name: string,
  { random, fixed = [] }: { readonly random?: fc.Arbitrary<C>; readonly fixed?: ReadonlyArray<C> },
  check: (one: C) => Promise<void>,
): Law => ({
  name,
  check: async () => {
    for (const one of fixed) await check(one)
    if (random === undefined) return
    await fc.assert(fc.asyncProperty(random, check), {
      seed: subject.seed,
      numRuns: subject.runs,
      includeErrorInReport: true,
    })
  },
})
