import { sumAll, type Backend, type BackendError, type Params } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { expectedLoss, expectedSlopes } from './expected.ts'
import { selfTestDirections, selfTestLoss, selfTestParams } from './program.ts'

/** Allowed error of each number: a wrong kernel is off by its own size, float32 by about 1e-6 here. */
const ALLOWED = { rtol: 1e-3, atol: 1e-6 }

/**
 * Does this device compute? Loss and gradients of a small decoder against stored values, in a few milliseconds.
 * A driver that returns zeros or garbage says nothing by itself: this is where it is refused, in one sentence.
 */
export const selfTest = <T>(
  { name, ops, gradients, memory, transfer }: Backend<T>,
  { rtol, atol } = ALLOWED,
): TE.TaskEither<BackendError, void> => {
  const refused = (reason: string): E.Either<BackendError, never> =>
    E.left({ _tag: 'DeviceFailed', backend: name, reason })
  return () =>
    memory.bracket(async (held) => {
      const results = held.keep(
        memory.scope(() => {
          const params = onDevice(ops.fromHost, selfTestParams)
          const { value, grads } = gradients.valueAndGrad((watched: Params<T>) => ({
            value: selfTestLoss(ops, watched),
            aux: null,
          }))(params)
          const slopes = Object.entries(onDevice(ops.fromHost, selfTestDirections)).map(([parameter, direction]) =>
            sumAll(ops, ops.mul(grads[parameter]!, direction)),
          )
          return [value, ...slopes]
        }),
      )
      const wanted = [expectedLoss, ...Object.keys(selfTestParams).map((parameter) => expectedSlopes[parameter]!)]
      const labels = ['the loss', ...Object.keys(selfTestParams).map((parameter) => `the gradient of '${parameter}'`)]
      for (const [i, result] of results.entries()) {
        const read = await transfer.read(result)()
        if (E.isLeft(read)) return read
        const [actual, expected] = [read.right[0]!, wanted[i]!]
        if (!(Math.abs(actual - expected) <= rtol * Math.abs(expected) + atol)) {
          return refused(
            `this device computes wrongly: ${labels[i]!} of the self-test is ${actual} and not ${expected}; choose another one with --backend`,
          )
        }
      }
      return E.right(undefined)
    })
}

const onDevice = <T>(
  fromHost: Backend<T>['ops']['fromHost'],
  tensors: typeof selfTestParams,
): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, fromHost(tensor)]))
