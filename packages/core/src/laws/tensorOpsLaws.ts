import { expectSameValue, lawOfCases } from './evaluate.ts'
import type { Law, Subject } from './law.ts'
import { misuses } from './misuses.ts'
import { operations } from './operations/all.ts'

/** Every primitive gives the reference's values, over ranks 0 to 6, broadcasting each way, and sizes that cross a kernel's tiles. */
export const tensorOpsLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> => [
  ...operations.map(({ name, values }) =>
    lawOfCases(subject, `values: ${name}`, values, (one) => expectSameValue(subject, one)),
  ),
  ...misuses.map(({ name, program }) => misuseLaw(subject, name, program)),
]

/** Shapes that do not fit throw; they never compute something. */
const misuseLaw = <T>({ backend }: Subject<T>, name: string, program: (typeof misuses)[number]['program']): Law => ({
  name: `misuse: ${name} throws`,
  check: async () => {
    const live = backend.memory.liveTensors()
    let result: string | undefined
    try {
      backend.memory.scope(() => {
        result = `[${backend.ops.shape(program(backend.ops))}]`
      })
    } catch {
      // What it should do.
    }
    if (result !== undefined) throw new Error(`${name}: expected an error, got a tensor ${result}`)
    const left = backend.memory.liveTensors() - live
    if (left !== 0) throw new Error(`${name}: the error left ${left} tensors behind`)
  },
})
