import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { normals, uniforms } from '@durian/core'
import { DeviceFault } from '@durian/backend-tfjs'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { chunksOf, multiplyChunk, scratchOf, type Sizes } from '../product.ts'
import { compileSimd, type Simd } from '../simd/index.ts'
import { Memory } from '../simd/instance.ts'
import { MOST_CHUNKS } from './control.ts'
import { openPool, type Pool, type PoolOptions } from './pool.ts'
import { sharesOf } from './shares.ts'
import { splitSimd } from './splitSimd.ts'
import { splitKernels, splits, type Split, type SplitKernel } from './splits.ts'
import { productValues } from './tasks.ts'

const memory = new Memory({ initial: 64, maximum: 65536, shared: true })
const { simd, module } = compileSimd(memory)
const given = { simd, module, memory, divide: 'always' } as const
const pools = [await openPool({ ...given, threads: 2 }), await openPool({ ...given, threads: 3 })]
afterAll(() => Promise.all(pools.map(({ close }) => close())))

/** Where operands lie, apart from each other: 4 MB in all. */
const [FIRST, OUT, SCRATCH] = [0, 1 << 20, 2 << 20]
const bytes = (at: number, length: number): Buffer => Buffer.from(memory.buffer as ArrayBuffer, at, length)
const fill = (values: ArrayLike<number>): void => new Float32Array(memory.buffer, FIRST).set(values)
/** What `work` leaves at `OUT`, which was something else before. */
const made = (length: number, work: () => void): Buffer => {
  bytes(OUT, length + 64).fill(0x55)
  work()
  return Buffer.from(bytes(OUT, length + 64))
}

const size = fc.integer({ min: 1, max: 40 })
const sizes: fc.Arbitrary<Sizes> = fc.record({
  ...{ m: size, k: fc.oneof(size, fc.integer({ min: 250, max: 300 })), n: size },
  ...{ transposeA: fc.boolean(), transposeB: fc.boolean() },
})
const product = (at: { readonly sizes: Sizes; readonly items: number }, pool: Pool | undefined): void => {
  const { m, k, n } = at.sizes
  const whole = { items: at.items, rows: m, columns: n }
  const divided = { ...at, shares: (pool === undefined ? undefined : sharesOf(at.sizes, at.items, 0)) ?? whole }
  const places = { a: FIRST, b: FIRST + 4 * at.items * m * k, out: OUT, scratch: SCRATCH }
  const job = { ...divided, places, scratchEach: scratchOf(divided) }
  if (pool === undefined) multiplyChunk(simd, job, { chunk: 0, thread: 0 })
  else pool.run('product', productValues(job), chunksOf(job))
}

describe('products on several threads', () => {
  it('property: have the bytes of one thread, for any sizes and transposes', () => {
    fill(normals({ seed: 5 }, 30_000))
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 5 }), (one, items) => {
        const length = 4 * items * one.m * one.n
        const alone = made(length, () => product({ sizes: one, items }, undefined))
        for (const pool of pools)
          expect(made(length, () => product({ sizes: one, items }, pool)).equals(alone)).toBe(true)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  it('property: divide into no more chunks than a ticket counts, and not at all below the least work', () => {
    const large = fc.integer({ min: 1, max: 20_000 })
    fc.assert(
      fc.property(large, large, large, large, fc.boolean(), fc.boolean(), (m, k, n, items, transposeA, transposeB) => {
        const one = { m, k, n, transposeA, transposeB }
        const shares = sharesOf(one, items, 1)
        if (shares === undefined) return
        expect(chunksOf({ sizes: one, items, shares })).toBeGreaterThan(1)
        expect(chunksOf({ sizes: one, items, shares })).toBeLessThanOrEqual(MOST_CHUNKS)
      }),
      { seed: 2, numRuns: 500 },
    )
    expect(sharesOf({ m: 20, k: 20, n: 20, transposeA: false, transposeB: false }, 1, 1)).toBeUndefined()
  })

  it.each([
    ['a tall product by rows', { m: 3072, k: 128, n: 64 }, 1, { rows: 192 }],
    ['a wide product by columns', { m: 64, k: 1024, n: 640 }, 1, { columns: 48 }],
    ['many small products by items', { m: 96, k: 32, n: 96 }, 128, { items: 8 }],
  ])('divides %s', (_, one, items, found) => {
    expect(sharesOf({ ...one, transposeA: false, transposeB: false }, items, 1)).toMatchObject(found)
  })
})

/** Arguments of each kernel for `rows` rows of `width` numbers, results at OUT. */
const argumentsOf: Readonly<Record<SplitKernel, (rows: number, width: number) => ReadonlyArray<number>>> = {
  minimum: (r, w) => [FIRST, FIRST + 4 * r * w, OUT, 4 * r * w],
  maximum: (r, w) => [FIRST, FIRST + 4 * r * w, OUT, 4 * r * w],
  clip: (r, w) => [FIRST, OUT, 4 * r * w, -0.5, 0.5],
  swiglu: (r, w) => [FIRST, FIRST + 4 * r * w, OUT, 4 * r * w],
  swigluGrad: (r, w) => [FIRST, FIRST + 4 * r * w, FIRST + 8 * r * w, OUT, OUT + 4 * r * w, 4 * r * w],
  copyRows: (r, w) => [FIRST, OUT, r, 4 * w, 4 * w + 8, 4 * w + 4],
  fillRows: (r, w) => [FIRST, OUT, r, 4 * w],
  transpose: (r, w) => [FIRST, OUT, r, w, 4 * w, 4 * r],
  rmsNorm: (r, w) => [FIRST, FIRST + 4 * r * w, OUT, r, 4 * w, 1e-5],
  softmaxGrad: (r, w) => [FIRST, FIRST + 4 * r * w, OUT, r, 4 * w],
  rowStats: (r, w) => [FIRST, OUT, r, 4 * w],
  negatedSoftmaxTimes: (r, w) => [FIRST, FIRST + 4 * r * w, FIRST + 4 * r * w + 4 * r, OUT, r, 4 * w],
}

describe('kernels on several threads', () => {
  it.each(splitKernels)('property: %s has the bytes of one thread', (name) => {
    fill(Float32Array.from(uniforms({ seed: 6 }, 20_000), (u) => 4 * u - 2))
    const shared = pools.map((pool) => splitSimd(simd, pool))
    fc.assert(
      fc.property(size, size, (rows, width) => {
        const values = argumentsOf[name](rows, width)
        const length = 8 * rows * (width + 12)
        const run = (kernels: Simd) => made(length, () => kernels[name](...values))
        const alone = run(simd)
        for (const kernels of shared) expect(run(kernels).equals(alone)).toBe(true)
      }),
      { seed: 3, numRuns: 30 },
    )
  })

  it('hands a kernel out when it is long, and keeps it when it is short', () => {
    const jobs: number[] = []
    const counting: Pool = { ...pools[0]!, scale: 1, run: (_task, _values, chunks) => void jobs.push(chunks) }
    const { bytes: least }: Split = splits.swiglu
    splitSimd(simd, counting).swiglu(FIRST, FIRST, OUT, least)
    expect(jobs).toEqual([])
    splitSimd(simd, counting).swiglu(FIRST, FIRST, OUT, 3 * least)
    expect(jobs).toEqual([3])
    splitSimd(simd, counting).swiglu(FIRST, FIRST, OUT, 2 ** 30)
    expect(jobs[1]).toBeLessThanOrEqual(MOST_CHUNKS)
  })
})

/** A thread that runs `body` instead of computing; `words` and `claim()` are at its hand. */
const opened = (body: string, patienceMs: number): Promise<Pool> => {
  const program = join(mkdtempSync(join(tmpdir(), 'durian-threads-')), 'worker.mjs')
  writeFileSync(
    program,
    `import { parentPort, workerData } from 'node:worker_threads'
     const words = new Int32Array(workerData.block, 0, 4)
     ${body}`,
  )
  const options: PoolOptions = { ...given, threads: 2, program, patienceMs }
  return openPool(options)
}
const doubled = (pool: Pool) => () => splitSimd(simd, pool).swiglu(FIRST, FIRST, OUT, 64)

describe('threads that fail', () => {
  it('a chunk that fails becomes a fault that says so, and the next job is computed', () => {
    const pool = pools[1]!
    const beyond = () => splitSimd(simd, pool).clip(4e9, OUT, 1024, 0, 1)
    expect(beyond).toThrow(DeviceFault)
    expect(beyond).toThrow(/^Backend wasm: a thread of wasm_threads failed \(memory access out of bounds\): wasm_threads 1 computes without$/) // prettier-ignore
    expect(doubled(pool)).not.toThrow()
  })

  it('a thread that cannot start is the reason of the rejection', async () => {
    await expect(opened(`throw new Error('no kernels')`, 1000)).rejects.toThrow(
      'a thread of wasm_threads stopped (no kernels)',
    )
  })

  it('a thread that stopped is the fault of every later job', async () => {
    const pool = await opened(`parentPort.postMessage('ready'); setTimeout(() => process.exit(3), 20)`, 1000)
    for (let i = 0; i < 200 && !thrown(doubled(pool)); i++) await new Promise((next) => setTimeout(next, 20))
    expect(doubled(pool)).toThrow('a thread of wasm_threads stopped (exit code 3)')
    expect(doubled(pool)).toThrow(DeviceFault)
  })

  it('a thread that holds a chunk for ever is waited for so long and no longer, and its pool is of no more use', async () => {
    const body = `parentPort.postMessage('ready')
      for (let ticket = 0; ; ticket = Atomics.load(words, 1)) // a chunk of whatever job comes
        if (ticket > 255 && (ticket & 255) < 100 && Atomics.compareExchange(words, 1, ticket, ticket + 1) === ticket) break
      Atomics.wait(words, 3, 0)`
    const pool = await opened(body, 200)
    const job = () => splitSimd(simd, pool).clip(FIRST, OUT, 16 * 200, 0, 1)
    for (let i = 0; i < 10_000 && !thrown(job); i++);
    expect(job).toThrow('a thread of wasm_threads has not answered for 0.2 s')
    await pool.close()
  })

  it('a pool that was closed computes nothing', async () => {
    const pool = await openPool({ ...given, threads: 2 })
    expect(doubled(pool)).not.toThrow()
    await pool.close()
    expect(doubled(pool)).toThrow('a thread of wasm_threads was closed')
  })
})

const thrown = (work: () => void): boolean => {
  try {
    work()
    return false
  } catch {
    return true
  }
}
