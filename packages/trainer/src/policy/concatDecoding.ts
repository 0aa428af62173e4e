import type { Backend, HostTensor, KvCache } from '@durian/core'
import type { PolicyConfig } from './config.ts'
import { type KeysValues, logitsOf, streamHidden } from './decoder.ts'
import { cacheRows, type DecodingOf, slotTables } from './decoding.ts'
import { wordEmbeddings } from './params.ts'
import { HIDDEN, type PromptBatch, ropeOptions } from './prompts.ts'
import { rotary } from './rope.ts'
import type { Slots } from './slots.ts'

/** Decoding on any backend: the program of training, with keys and values that grow in the backend's cache. */
export const concatDecoding =
  <T>({ ops, kvCaches, memory }: Backend<T>, config: PolicyConfig): DecodingOf<T, KvCache<T>> =>
  (weights, batch) => ({
    start: kvCaches.create(),
    step: ({ slots, prefix, cache, inputs, token }) => {
      const { headDim, kvHeads } = config.text
      const runs = slots.rollouts.length * kvHeads
      let grown = cache
      // A layer's weights may be streamed: they go when the layer is done, and what it put into the cache stays.
      const scope = <A>(body: () => A): A => {
        const done = memory.scope(() => ({ result: body(), cache: grown }))
        grown = done.cache
        return done.result
      }
      // The cache's rows are (chunk, key head, slot), each with one head: attention wants them so, and no tensor need be turned.
      const own = (layer: number, { keys, values }: KeysValues<T>): KeysValues<T> => {
        grown = kvCaches.append(
          grown,
          layer,
          ops.reshape(keys, [runs, 1, 1, headDim]),
          ops.reshape(values, [runs, 1, 1, headDim]),
        )
        const alone = (x: T): T => ops.reshape(x, [runs, token + 1, headDim])
        return { keys: alone(grown.keys[layer]!), values: alone(grown.values[layer]!) }
      }
      const mask = paddingMask(batch, slots, token + 1)
      const hidden = streamHidden(ops, config)(weights, wordEmbeddings(ops, weights, inputs), {
        prompts: slots.owners.length,
        rollouts: slots.width,
        prefix,
        mask: mask && ops.fromHost(mask),
        tables: rotary(ops, slotTables(ropeOptions(config), batch, { slots, token }), headDim),
        own,
        scope,
      })
      return { logits: logitsOf(ops, config)(weights, hidden), cache: grown }
    },
    repack: (cache, packing, old) => kvCaches.selectRows(cache, cacheRows(packing, old, config.text.kvHeads)),
  })

/** Hides the padding of shorter prompts, [chunks, 1, Tp + own]; undefined when there is none. */
const paddingMask = (batch: PromptBatch, { owners }: Slots, own: number): HostTensor | undefined => {
  if (owners.every((owner) => batch.lengths[owner] === batch.length)) return undefined
  const keys = batch.length + own
  const data = new Float32Array(owners.length * keys)
  owners.forEach((owner, chunk) => data.fill(HIDDEN, chunk * keys + batch.lengths[owner]!, chunk * keys + batch.length))
  return { shape: [owners.length, 1, keys], data }
}
