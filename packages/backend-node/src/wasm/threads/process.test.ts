import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

/** Compiled: a process of its own has no test runner to compile for it. */
const library = pathToFileURL(join(import.meta.dirname, '..', '..', '..', 'dist', 'index.js')).href

/** Loss and gradients of a feed-forward layer and a head, large enough that every kernel in it is divided, as a hash. The process ends by itself. */
const program = (threads: number): string => `
  import { createHash } from 'node:crypto'
  import { openNodeBackend } from ${JSON.stringify(library)}
  const { right } = await openNodeBackend({ prefer: 'wasm', wasmThreads: ${threads} })()
  const { ops, gradients, transfer } = right.backend
  let state = 1
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1
  const tensor = (...shape) =>
    ops.fromHost({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, next) })
  const [rows, d, ff, vocabulary] = [1024, 72, 264, 90]
  const x = tensor(rows, d)
  const ids = Int32Array.from({ length: rows }, (_, i) => (i * 31) % vocabulary)
  const loss = ({ norm, gate, up, down, head }) => {
    const h = ops.fused.rmsNorm(x, norm, 1e-5)
    const inner = ops.fused.swiglu(ops.matmul(h, gate), ops.matmul(h, up))
    const out = ops.concat([ops.add(x, ops.matmul(inner, down, { transposeB: true })), h], 1)
    const scores = ops.selectiveLogSoftmax(ops.matmul(out, head), ids).logprob
    return { value: ops.sum(scores, 0), aux: null }
  }
  const params = { norm: tensor(d), gate: tensor(d, ff), up: tensor(d, ff), down: tensor(d, ff), head: tensor(2 * d, vocabulary) }
  const { value, grads } = gradients.valueAndGrad(loss)(params)
  const hash = createHash('sha256')
  for (const one of [value, ...Object.values(grads)]) {
    const { right } = await transfer.read(one)()
    if (!right.every(Number.isFinite)) throw new Error('not finite')
    hash.update(new Uint8Array(right.buffer))
  }
  console.log(right.backend.info.description.split(', ').at(-1), hash.digest('hex'))
`

const run = async (threads: number): Promise<string> => {
  const args = ['--input-type=module', '-e', program(threads)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
  return stdout.trim()
}

describe('a process with threads', () => {
  it('trajectory: ends by itself, with the bytes of one thread for 2 and 3', async () => {
    const [one, two, three] = [await run(1), await run(2), await run(3)]
    const hash = one.replace('1 thread ', '')
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect([two, three]).toEqual([`2 threads ${hash}`, `3 threads ${hash}`])
  })
})
