import type { Backend, Fused, OwnTokens } from '@durian/core'
import type { PolicyConfig } from './config.ts'
import { finalNorm, logitsOf, readyProjection, tokenLayer } from './decoder.ts'
import { cacheRows, type DecodingOf, slotTables } from './decoding.ts'
import { ofAdapter } from './linear.ts'
import { wordEmbeddings } from './params.ts'
import { ropeOptions } from './prompts.ts'

/** Up to here the projections of all layers are kept a second time, side by side, for one product a layer; in bytes. */
const READY_BYTES = 1 << 28

/** Decoding on a backend whose kernel attends, turns and keeps the tokens: about 13 operations a layer, where the general program takes 50. */
export const fusedDecoding =
  <T>(
    { ops, memory }: Backend<T>,
    config: PolicyConfig,
    attention: Fused<T>['decodingAttention'],
  ): DecodingOf<T, FusedCache<T>> =>
  (weights, batch) => {
    const { headDim, heads, kvHeads, hiddenSize, layers } = config.text
    const small = 4 * layers * (heads + 2 * kvHeads) * headDim * hiddenSize <= READY_BYTES
    const adapted = (index: number): boolean =>
      memory.scope(() => Object.keys(weights.under(`model.layers.${index}.self_attn.`)).some(ofAdapter))
    // In mixed precision a merged weight is rounded as a whole, and training multiplies by its parts: log-probs were off by up to 0.016.
    const parts = ops.fused?.narrowed !== undefined && Array.from({ length: layers }, (_, i) => i).some(adapted)
    const ready =
      small && !parts
        ? memory.scope(() => Array.from({ length: layers }, (_, i) => readyProjection(ops)(weights, i)))
        : []
    return {
      start: { ready, own: Array.from({ length: layers }, () => ({ cache: null, length: 0 })) },
      step: ({ slots, prefix, cache, inputs, token }) => {
        const tables = slotTables(ropeOptions(config), batch, { slots, token })
        const shape = [tables.rows, 1, headDim]
        const cos = ops.fromHost({ shape, data: tables.cos })
        const sin = ops.fromHost({ shape, data: tables.sin })
        const lengths = slots.owners.map((owner) => batch.lengths[owner]!)
        const own: Array<OwnTokens<T>> = [...cache.own]
        let x = wordEmbeddings(ops, weights, inputs) // [slots, d]
        for (let index = 0; index < layers; index++) {
          const input = x
          // A layer's weights may be streamed: they go when the layer is done, and what it put into the cache stays.
          const done = memory.scope(() => {
            let kept = own[index]!
            const attend = (qkv: T): T => {
              const attended = attention({ qkv, cos, sin }, { ...prefix[index]!, lengths }, kept)
              kept = attended.own
              return attended.mixed
            }
            const result = tokenLayer(ops, config.text)(weights, input, { index, ready: cache.ready[index], attend })
            return { result, kept }
          })
          own[index] = done.kept
          x = done.result
        }
        return {
          logits: logitsOf(ops, config)(weights, finalNorm(ops, config.text)(weights, x)),
          cache: { ready: cache.ready, own },
        }
      },
      repack: ({ ready, own }, packing, old) => {
        const rows = cacheRows(packing, old, kvHeads)
        const picked = memory.scope(() =>
          own.map(({ cache, length }) => ({ cache: cache && ops.embedding(cache, rows), length })),
        )
        memory.free(own)
        return { ready, own: picked }
      },
    }
  }

export interface FusedCache<T> {
  /** The projections of each layer, made once; empty where that would take too much memory. */
  readonly ready: ReadonlyArray<ReturnType<ReturnType<typeof readyProjection<T>>>>
  readonly own: ReadonlyArray<OwnTokens<T>>
}
