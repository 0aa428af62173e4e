import { either as E } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { openNodeBackend } from './withNodeBackend.ts'

const opened = await openNodeBackend({ prefer: 'wasm' })()
if (E.isLeft(opened)) throw new Error(opened.left.reason)
const { ops, gradients, memory, transfer } = opened.right.backend
type Tensor = ReturnType<typeof ops.fromHost>

const vector = (...data: ReadonlyArray<number>): Tensor => ops.fromHost({ shape: [data.length], data })
const read = async (x: Tensor): Promise<ReadonlyArray<number>> => {
  const data = await transfer.read(x)()
  if (E.isLeft(data)) throw new Error(data.left.reason)
  return Array.from(data.right)
}

describe('gradients where names and tensors do not match one to one', () => {
  it('law: two names of one tensor get a gradient each', async () => {
    const x = vector(2, 3)
    const { grads } = gradients.valueAndGrad(({ a, b }: { a: Tensor; b: Tensor }) => ({
      value: ops.sum(ops.mul(ops.square(a), b), 0),
      aux: null,
    }))({ a: x, b: x })
    expect(await read(grads.a)).toEqual([8, 18]) // 2 a b
    expect(await read(grads.b)).toEqual([4, 9]) // a^2
  })

  it('law: no gradient is another name for the cotangent, and no value for an input', async () => {
    const [x, dy] = [vector(1, 2), vector(5, 6)]
    const { value, grads } = gradients.vjp(([a]) => a!)([x], dy)
    memory.free([value, grads])
    expect([await read(x), await read(dy)]).toEqual([
      [1, 2],
      [5, 6],
    ])
  })

  it('law: gradients that are equal are freed one by one', async () => {
    const [x, y, dy] = [vector(1), vector(2), vector(3)]
    const { grads } = gradients.vjp(([a, b]) => ops.add(a!, b!))([x, y], dy)
    memory.free(grads[0])
    expect(await read(grads[1]!)).toEqual([3])
  })

  it('law: aux may hold a parameter, which stays the caller’s', async () => {
    const x = vector(4)
    const { aux, value, grads } = gradients.valueAndGrad((p: { x: Tensor }) => ({
      value: ops.square(p.x),
      aux: { again: p.x, twice: [p.x, 'text'] },
    }))({ x })
    memory.free([aux.again, value, grads])
    expect(await read(x)).toEqual([4])
  })

  it('law: nothing before stopGradient is walked', async () => {
    const x = vector(3)
    // max has no gradient for equal entries that anybody agrees on: it must not be asked for
    const { grads } = gradients.vjp(([a]) => ops.mul(a!, ops.stopGradient(ops.max(a!, 0))))([x], vector(1))
    expect(await read(grads[0]!)).toEqual([3])
  })
})
