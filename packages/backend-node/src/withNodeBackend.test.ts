import { DeviceFault } from '@durian/backend-tfjs'
import { either as E, taskEither as TE } from 'fp-ts'
import { describe, expect, it } from 'vitest'
import { nodeBackends } from './nodeBackends.ts'
import { openNodeBackend, withNodeBackend } from './withNodeBackend.ts'

describe('withNodeBackend', () => {
  it('law: hands out wasm on request, with its description', async () => {
    const name = await withNodeBackend({ prefer: 'wasm' })((backend) => TE.of(backend.info))()
    expect(name).toEqual(E.right({ backend: 'wasm', description: expect.stringContaining('tfjs-backend-wasm 4.22.0') }))
  })

  it('law: tells which engine it took before it is used', async () => {
    const seen: string[] = []
    await withNodeBackend({ prefer: 'wasm', onOpened: ({ engine }) => void seen.push(engine) })(() => {
      seen.push('used')
      return TE.of(0)
    })()
    expect(seen).toEqual(['wasm', 'used'])
  })

  it('law: passes the left of its body on', async () => {
    expect(await withNodeBackend({ prefer: 'wasm' })(() => TE.left('no data'))()).toEqual(E.left('no data'))
  })

  it.each([
    ['does not fit', 1023], // 4092 MB beside what is there
    ['is beyond 32 bits', 1025],
  ])('law: a tensor that %s becomes a left that says so', async (_, count) => {
    const result = await withNodeBackend({ prefer: 'wasm' })(({ ops, memory }) => async () => {
      memory.scope(() => {
        const block = ops.fromHost({ shape: [1, 1 << 20], data: new Float32Array(1 << 20) }) // 4 MB
        return void ops.embedding(block, new Array<number>(count).fill(0))
      })
      return E.right('not reached')
    })()
    expect(result).toEqual(E.left({ _tag: 'OutOfMemory', backend: 'wasm', reason: expect.stringContaining('4 GB') }))
  })

  it('law: computes on after an exhausted heap', async () => {
    const result = await withNodeBackend({ prefer: 'wasm' })(({ ops, transfer }) =>
      transfer.read(ops.add(ops.fromHost({ shape: [1], data: [1] }), ops.fromHost({ shape: [1], data: [2] }))),
    )()
    expect(result).toEqual(E.right(new Float32Array([3])))
  })

  it('law: lets a defect through', async () => {
    const run = withNodeBackend({ prefer: 'wasm' })(() => () => Promise.reject(new Error('a bug')))
    await expect(run()).rejects.toThrow('a bug')
  })

  it('law: turns a thrown device fault into its error', async () => {
    const error = { _tag: 'DeviceFailed', backend: 'wasm', reason: 'gone' } as const
    const run = withNodeBackend({ prefer: 'wasm' })(() => () => Promise.reject(new DeviceFault(error)))
    expect(await run()).toEqual(E.left(error))
  })

  it('law: leaves no process handlers behind', async () => {
    await openNodeBackend({ prefer: 'wasm' })()
    const rethrows = (listener: unknown): boolean => String(listener).includes('throw reason')
    expect(process.listeners('unhandledRejection').filter(rethrows)).toEqual([])
  })

  it('law: nodeBackends says of each engine whether it works, why not and the mend', async () => {
    const result = await nodeBackends()()
    const statuses = E.isRight(result) ? result.right : []
    expect(statuses.map(({ name }) => name)).toEqual(['tfjs-node-gpu', 'tfjs-node', 'wasm'])
    for (const { available, reason, mend } of statuses) {
      expect(reason).not.toBe('')
      if (!available && !reason.startsWith('not tried')) expect(mend).toMatch(/^(npm install|durian setup) /)
    }
    expect(statuses[2]?.available).toBe(true)
  })
})
