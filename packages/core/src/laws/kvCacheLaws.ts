import { scale } from '../ops/derived.ts'
import { referenceOps, type RefTensor } from '../ops/reference.ts'
import type { HostTensor, TensorOps } from '../ops/tensorOps.ts'
import type { Backend, KvCache } from '../port/backend.ts'
import { fixedTensor } from './arbitraries.ts'
import { expectClose } from './close.ts'
import { readTensor } from './evaluate.ts'
import type { Law, Subject } from './law.ts'

const [rows, kvHeads, headDim, vocabulary] = [3, 2, 4, 5]
const width = kvHeads * headDim
const layers = 2

/** Two attention layers and a read-out: enough to tell a cache that mixes up layers, rows, heads or the order of tokens. */
const weights = Array.from({ length: layers }, (_, layer) => ({
  query: fixedTensor([width, width], { lo: -1, hi: 1, offset: layer / 1024 }),
  key: fixedTensor([width, width], { lo: -0.5, hi: 1, offset: layer / 1024 }),
  value: fixedTensor([width, width], { lo: -1, hi: 0.5, offset: layer / 1024 }),
}))
const readOut = fixedTensor([width, vocabulary], { lo: -1, hi: 1 })

/** Inputs of the tokens [from, to) of every row, [R, n, width]. */
const tokens = (from: number, to: number): HostTensor =>
  referenceOps.slice(
    referenceOps.fromHost(fixedTensor([rows, 8, width], { lo: -1, hi: 1 })),
    [0, from, 0],
    [rows, to - from, width],
  )

interface Pass<T> {
  readonly x: T
  readonly past: number
  /** All keys and values so far, given this pass's own: [R, KV, n, hd] -> [R, KV, past + n, hd]. */
  readonly grow: (layer: number, keys: T, values: T) => { readonly keys: T; readonly values: T }
}

/** Logits of the pass's last token: [R, n, width] -> [R, V]. */
const logits = <T>(ops: TensorOps<T>, { x, past, grow }: Pass<T>): T => {
  const [r, n] = [ops.shape(x)[0]!, ops.shape(x)[1]!]
  const total = past + n
  const project = (y: T, weight: HostTensor): T =>
    ops.transpose(ops.reshape(ops.matmul(y, ops.fromHost(weight)), [r, n, kvHeads, headDim]), [0, 2, 1, 3]) // [R, KV, n, hd]
  const future = Array.from({ length: n * total }, (_, i) => (i % total > past + Math.floor(i / total) ? -1e9 : 0))
  let hidden = ops.reshape(x, [r * n, width])
  for (const [layer, { query, key, value }] of weights.entries()) {
    const { keys, values } = grow(layer, project(hidden, key), project(hidden, value))
    const scores = scale(ops, ops.matmul(project(hidden, query), keys, { transposeB: true }), headDim ** -0.5)
    const masked = ops.add(scores, ops.fromHost({ shape: [n, total], data: future })) // [R, KV, n, total]
    const attended = ops.transpose(ops.matmul(ops.softmax(masked), values), [0, 2, 1, 3])
    hidden = ops.add(hidden, ops.reshape(attended, [r * n, width]))
  }
  const last = ops.slice(ops.reshape(hidden, [r, n, width]), [0, n - 1, 0], [r, 1, width])
  return ops.matmul(ops.reshape(last, [r, width]), ops.fromHost(readOut))
}

/** The same from nothing: all tokens at once on the reference, no cache. */
const recomputed = (x: RefTensor): RefTensor =>
  logits(referenceOps, { x, past: 0, grow: (_, keys, values) => ({ keys, values }) })

interface Step<T> {
  readonly logits: T
  readonly cache: KvCache<T>
}

const advanced = <T>({ ops, kvCaches, memory }: Backend<T>, cache: KvCache<T>, input: HostTensor): Step<T> =>
  memory.scope(() => {
    let grown = cache
    const result = logits(ops, {
      x: ops.fromHost(input),
      past: cache.length,
      grow: (layer, keys, values) => {
        grown = kvCaches.append(grown, layer, keys, values)
        return { keys: grown.keys[layer]!, values: grown.values[layer]! }
      },
    })
    return { logits: result, cache: grown }
  })

const agreesWithRecomputation = async <T>({ backend, tolerance }: Subject<T>): Promise<void> => {
  let cache = backend.kvCaches.create()
  // A prompt of 3 tokens, then one at a time, then two at once.
  for (const [from, to] of [
    [0, 3],
    [3, 4],
    [4, 5],
    [5, 7],
    [7, 8],
  ] as const) {
    const step = advanced(backend, cache, tokens(from, to))
    cache = step.cache
    const expected = recomputed(referenceOps.fromHost(tokens(0, to)))
    expectClose(`logits after ${to} tokens`, await readTensor(backend, step.logits), expected, tolerance)
    if (cache.length !== to) throw new Error(`kv cache: length ${cache.length} after ${to} tokens`)
    backend.memory.free(step.logits)
  }
  backend.kvCaches.free(cache)
}

const keepsSelectedRows = async <T>({ backend, tolerance }: Subject<T>): Promise<void> => {
  const { kvCaches, memory } = backend
  const chosen = [2, 0, 2, 1]
  const pick = (x: HostTensor): RefTensor =>
    referenceOps.concat(
      chosen.map((row) => referenceOps.slice(referenceOps.fromHost(x), [row, 0, 0], [1, x.shape[1]!, width])),
      0,
    )
  const first = advanced(backend, kvCaches.create(), tokens(0, 3))
  memory.free(first.logits)
  const second = advanced(backend, kvCaches.selectRows(first.cache, chosen), pick(tokens(3, 4)))
  const expected = recomputed(pick(tokens(0, 4)))
  expectClose('logits of the selected rows', await readTensor(backend, second.logits), expected, tolerance)
  memory.free(second.logits)
  kvCaches.free(second.cache)
}

/** A cached pass gives the logits of recomputing everything. Old caches are never looked at again: append may have consumed them. */
export const kvCacheLaws = <T>(subject: Subject<T>): ReadonlyArray<Law> =>
  [
    { name: 'appending gives the logits of recomputation', body: agreesWithRecomputation },
    { name: 'selected rows go on as their own', body: keepsSelectedRows },
  ].map(({ name, body }) => ({
    name: `kv cache: ${name}`,
    check: async () => {
      const before = subject.backend.memory.liveTensors()
      await body(subject)
      const left = subject.backend.memory.liveTensors() - before
      if (left !== 0) throw new Error(`kv cache: ${left} tensors were left behind`)
    },
  }))
