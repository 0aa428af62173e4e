import { sumAll } from '../ops/derived.ts'
import { initAdamW, updateAdamW } from '../optim/adamw.ts'
import type { Backend, Held, Params } from '../port/backend.ts'
import { expectClose } from './close.ts'
import { readTensor } from './evaluate.ts'
import type { Law, Subject } from './law.ts'

/** What a memory law does: it must leave as many tensors (and bytes) as it found, whatever it throws. */
type Body = <T>(backend: Backend<T>) => Promise<void>

const vector = <T>({ ops }: Backend<T>): T => ops.fromHost({ shape: [3], data: [1, 2, 3] })

const lossOf =
  <T>({ ops }: Backend<T>) =>
  ({ x }: Params<T>) => {
    const squares = ops.square(x!)
    return { value: sumAll(ops, squares), aux: { squares } }
  }

const expectCount = (what: string, actual: number, expected: number): void => {
  if (actual !== expected) throw new Error(`${what}: got ${actual} tensors, expected ${expected}`)
}

const expectFailure = async (what: string, body: () => unknown): Promise<void> => {
  const failed = await Promise.resolve()
    .then(body)
    .then(
      () => false,
      () => true,
    )
  if (!failed) throw new Error(`${what}: the error did not reach the caller`)
}

const scopeKeepsTheResult: Body = async (backend) => {
  const { ops, memory } = backend
  const before = memory.liveTensors()
  const outside = vector(backend)
  const kept = memory.scope(() => {
    const doubled = ops.add(outside, outside)
    return { list: [ops.exp(doubled), 7], nested: { outside, squared: ops.square(doubled) }, text: 'label' }
  })
  expectCount('scope that returns two new tensors and an old one', memory.liveTensors() - before, 3)
  expectClose(
    'a tensor out of a scope',
    await readTensor(backend, kept.nested.squared),
    { shape: [3], data: [4, 16, 36] },
    { atol: 1e-4, rtol: 1e-4 },
  )
  memory.free([kept.list, kept.nested.squared, outside])
}

const nestedScopes: Body = async ({ ops, memory }) => {
  const before = memory.liveTensors()
  const kept = memory.scope(() => {
    const inner = memory.scope(() => ops.exp(ops.fromHost({ shape: [], data: [1] })))
    return ops.neg(inner)
  })
  expectCount('nested scopes', memory.liveTensors() - before, 1)
  memory.free(kept)
}

const scopeThatThrows: Body = async (backend) => {
  await expectFailure('scope', () =>
    backend.memory.scope(() => {
      backend.ops.exp(vector(backend))
      throw new Error('injected')
    }),
  )
}

const gradientLeavesItsResult: Body = async (backend) => {
  const { gradients, memory } = backend
  const x = vector(backend)
  const before = memory.liveTensors()
  const result = gradients.valueAndGrad(lossOf(backend))({ x })
  expectCount('valueAndGrad, its value, gradient and aux', memory.liveTensors() - before, 3)
  memory.free([result.value, result.grads, result.aux])
  expectCount('valueAndGrad once freed', memory.liveTensors() - before, 0)
  memory.free(x)
}

const gradientInAScope: Body = async (backend) => {
  const { gradients, memory } = backend
  const before = memory.liveTensors()
  const value = memory.scope(() => gradients.valueAndGrad(lossOf(backend))({ x: vector(backend) }).value)
  expectCount('valueAndGrad inside a scope', memory.liveTensors() - before, 1)
  memory.free(value)
}

const gradientThatThrows: Body = async (backend) => {
  const { ops, gradients, memory } = backend
  const x = vector(backend)
  await expectFailure('valueAndGrad', () =>
    gradients.valueAndGrad((params: Params<typeof x>) => {
      lossOf(backend)(params)
      ops.softmax(ops.exp(params['x']!))
      throw new Error('injected')
    })({ x }),
  )
  const before = memory.liveTensors()
  const again = gradients.valueAndGrad(lossOf(backend))({ x })
  expectCount('valueAndGrad after one that threw', memory.liveTensors() - before, 3)
  const expected = { shape: [3], data: [2, 4, 6] }
  const tolerance = { atol: 1e-3, rtol: 1e-3 }
  expectClose('gradient after one that threw', await readTensor(backend, again.grads['x']!), expected, tolerance)
  memory.free([again.value, again.grads, again.aux, x])
}

const vjpLeavesItsResult: Body = async (backend) => {
  const { ops, gradients, memory } = backend
  const [x, cotangent] = [vector(backend), vector(backend)]
  const before = memory.liveTensors()
  const result = gradients.vjp(([y]) => ops.exp(ops.square(y!)))([x], cotangent)
  expectCount('vjp, its value and gradient', memory.liveTensors() - before, 2)
  memory.free([result.value, result.grads, x, cotangent])
}

const stepLeavesItsResult: Body = async (backend) => {
  const { ops, gradients, memory } = backend
  const params: Params<ReturnType<typeof ops.fromHost>> = { x: vector(backend) }
  const state = initAdamW(ops, params)
  const before = memory.liveTensors()
  const next = memory.scope(() => {
    const { grads } = gradients.valueAndGrad(lossOf(backend))(params)
    return updateAdamW(ops, { learningRate: 0.1 })(params, grads, state)
  })
  memory.free([params, state])
  expectCount('a step that consumes its state', memory.liveTensors() - before, 0)
  memory.free([next.params, next.state])
}

const readsLeaveNothing: Body = async (backend) => {
  const x = vector(backend)
  const before = backend.memory.liveTensors()
  await readTensor(backend, x)
  expectCount('read', backend.memory.liveTensors() - before, 0)
  backend.memory.free(x)
}

const freeTwice: Body = async (backend) => {
  const x = vector(backend)
  backend.memory.free([x, 3, null, undefined, 'text', { nested: x }])
  backend.memory.free(x)
}

/** Work with three awaits, tensors held across each. `fail` is called before each await, and once at the end. */
const heldWork =
  <T>(backend: Backend<T>, fail: (at: number) => void) =>
  async (held: Held<T>): Promise<T> => {
    const { ops, memory } = backend
    const x = held.keep(vector(backend))
    fail(0)
    await readTensor(backend, x)
    const pair = held.keep(memory.scope(() => ({ sum: ops.add(x, x), list: [ops.exp(x)] })))
    fail(1)
    await readTensor(backend, pair.sum)
    held.free(x)
    fail(2)
    await readTensor(backend, pair.list[0]!)
    fail(3)
    return held.release(pair.sum)
  }

const bracketFreesOnFailure: Body = async (backend) => {
  for (const failing of [0, 1, 2, 3]) {
    const before = backend.memory.liveTensors()
    const fail = (at: number): void => {
      if (at === failing) throw new Error('injected')
    }
    await expectFailure(`bracket failing at ${failing}`, () => backend.memory.bracket(heldWork(backend, fail)))
    expectCount(`bracket that failed at ${failing}`, backend.memory.liveTensors() - before, 0)
  }
}

const bracketReleases: Body = async (backend) => {
  const before = backend.memory.liveTensors()
  const released = await backend.memory.bracket(heldWork(backend, () => undefined))
  expectCount('bracket that released one tensor', backend.memory.liveTensors() - before, 1)
  const expected = { shape: [3], data: [2, 4, 6] }
  expectClose('the released tensor', await readTensor(backend, released), expected, { atol: 1e-5, rtol: 1e-5 })
  backend.memory.free(released)
}

const bodies: Readonly<Record<string, Body>> = {
  'scope keeps its result and frees the rest': scopeKeepsTheResult,
  'a scope inside a scope frees into it': nestedScopes,
  'scope frees everything when its body throws': scopeThatThrows,
  'valueAndGrad leaves value, gradients and aux': gradientLeavesItsResult,
  'valueAndGrad in a scope is freed with it': gradientInAScope,
  'valueAndGrad leaves nothing when f throws, and works again': gradientThatThrows,
  'vjp leaves value and gradients': vjpLeavesItsResult,
  'a training step that consumes its state leaves its result': stepLeavesItsResult,
  'reading leaves nothing': readsLeaveNothing,
  'freeing twice, or freeing numbers, is harmless': freeTwice,
  'bracket frees after an error at each await': bracketFreesOnFailure,
  'bracket frees all but what it released': bracketReleases,
}

/** Nothing leaks: scopes, gradients and brackets return the number of live tensors and bytes to where it was. */
export const memoryLaws = <T>({ backend }: Subject<T>): ReadonlyArray<Law> =>
  Object.entries(bodies).map(([name, body]) => ({
    name: `memory: ${name}`,
    check: async () => {
      const { liveTensors, bytes } = backend.memory
      const [tensorsBefore, bytesBefore] = [liveTensors(), bytes()]
      await body(backend)
      expectCount(name, liveTensors() - tensorsBefore, 0)
      if (bytes() !== bytesBefore) throw new Error(`${name}: ${bytes() - bytesBefore} bytes were left behind`)
    },
  }))
