import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

/** Compiled: a process of its own has no test runner to compile for it. */
const program = fileURLToPath(new URL('../../dist/tensorflow/threadsMain.js', import.meta.url))

interface Answer {
  readonly reason?: string
  readonly bits?: Readonly<Record<string, string>>
  readonly helpers?: number | null
}

const withThreads = async (threads: number): Promise<Answer> => {
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: String(threads), TF_NUM_INTEROP_THREADS: '1' }
  // a pool that kept Node from ending would run into this limit
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env, timeout: 60_000 })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Answer
}

describe('threads of our TensorFlow kernels', () => {
  it('law: 1, 2 and 3 threads give the same bits, values and gradients, and the process ends', async (context) => {
    const one = await withThreads(1)
    if (one.reason !== undefined) {
      if (process.env['DURIAN_REQUIRE_TENSORFLOW'] === '1') throw new Error(one.reason)
      context.skip(one.reason)
    }
    const [two, three] = [await withThreads(2), await withThreads(3)]
    expect(Object.keys(one.bits!)).toHaveLength(21)
    expect(two.bits).toEqual(one.bits)
    expect(three.bits).toEqual(one.bits)
    if (one.helpers !== null) expect([one, two, three].map(({ helpers }) => helpers)).toEqual([0, 1, 2])
  }, 120_000)
})
