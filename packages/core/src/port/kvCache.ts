import { ShapeError, sizeOf } from '../ops/shape.ts'
import type { TensorOps } from '../ops/tensorOps.ts'
import type { KvCache, KvCaches, Memory } from './backend.ts'

/**
 * The default `KvCaches` of a backend: each layer's keys and values grow by concat.
 *
 * Linear use: `append` and `selectRows` free what they replace, so an old cache may not be used again. The keys and values
 * handed to `append` stay the caller's. Layers are appended in order 0, 1, ...; `length` is the number of tokens of the layer
 * appended last, so between two passes over the layers it is the number of tokens so far.
 */
export const concatKvCaches = <T>(ops: TensorOps<T>, memory: Pick<Memory<T>, 'scope' | 'free'>): KvCaches<T> => {
  const grown = (old: T | undefined, tail: T): T => ops.concat(old === undefined ? [tail] : [old, tail], 2)

  const append: KvCaches<T>['append'] = (cache, layer, keys, values) => {
    if (!Number.isInteger(layer) || layer < 0 || layer > cache.keys.length) {
      throw new ShapeError(`append: layer ${layer} does not follow the ${cache.keys.length} layers of the cache`)
    }
    const [oldKeys, oldValues] = [cache.keys[layer], cache.values[layer]]
    const [newKeys, newValues] = [grown(oldKeys, keys), grown(oldValues, values)] // [R, KV, t + n, hd]
    memory.free([oldKeys, oldValues])
    return {
      keys: put(cache.keys, layer, newKeys),
      values: put(cache.values, layer, newValues),
      length: ops.shape(newKeys)[2]!,
    }
  }

  const rowsOf = (x: T, rows: ReadonlyArray<number>): T => {
    const [count = 0, ...rest] = ops.shape(x)
    const flat = ops.reshape(x, [count, sizeOf(rest)]) // [R, KV * t * hd]
    return ops.reshape(ops.embedding(flat, rows), [rows.length, ...rest])
  }

  const selectRows: KvCaches<T>['selectRows'] = (cache, rows) => {
    const picked: KvCache<T> = memory.scope(() => ({
      keys: cache.keys.map((x) => rowsOf(x, rows)),
      values: cache.values.map((x) => rowsOf(x, rows)),
      length: cache.length,
    }))
    free(cache)
    return picked
  }

  const free = (cache: KvCache<T>): void => memory.free([cache.keys, cache.values])

  return { create: () => ({ keys: [], values: [], length: 0 }), append, selectRows, free }
}

const put = <T>(xs: ReadonlyArray<T>, index: number, x: T): ReadonlyArray<T> =>
  index === xs.length ? [...xs, x] : xs.with(index, x)
