import type { WeightSource } from '@durian/core'
import type { KeysValues } from './decoder.ts'
import type { PromptBatch } from './prompts.ts'
import { type RopeTables, textRope } from './rope.ts'
import type { Packing, Slots } from './slots.ts'

/** A way to compute one token after another. C: what it keeps of the rollouts' own tokens, a tree of tensors. */
export interface Decoding<T, C> {
  /** Before the first token. */
  readonly start: C
  /** One token for every slot: [slots, V] logits, and the cache grown by one. Consumes the old cache. */
  readonly step: (state: DecodingState<T, C>) => { readonly logits: T; readonly cache: C }
  /** The rows of the slots that stay. Consumes the old cache. */
  readonly repack: (cache: C, packing: Packing, old: Slots) => C
}

export interface DecodingState<T, C> {
  readonly slots: Slots
  /** One entry a layer, [chunks * KV, Tp, hd]. */
  readonly prefix: ReadonlyArray<KeysValues<T>>
  readonly cache: C
  /** Newest token of each slot. */
  readonly inputs: Int32Array
  /** How many tokens each rollout has already. */
  readonly token: number
}

export type DecodingOf<T, C> = (weights: WeightSource<T>, batch: PromptBatch) => Decoding<T, C>

/** Rotary tables of the newest token of each slot; those of a chunk are equal. */
export const slotTables = (
  options: Parameters<typeof textRope>[0],
  batch: PromptBatch,
  { slots, token }: Pick<DecodingState<never, never>, 'slots' | 'token'>,
): RopeTables => {
  const position = (axis: 0 | 1 | 2): Int32Array =>
    Int32Array.from(slots.owners, (owner) => {
      const last = batch.last[owner]!
      return token === 0 ? last.position[axis] : last.nextPosition + token - 1
    })
  const { cos, sin } = textRope(options, [position(0), position(1), position(2)])
  const rows = slots.rollouts.length
  const spread = (table: Float32Array): Float32Array => {
    const width = options.headDim
    const out = new Float32Array(rows * width)
    for (let slot = 0; slot < rows; slot++) {
      const chunk = Math.floor(slot / slots.width)
      out.set(table.subarray(chunk * width, (chunk + 1) * width), slot * width)
    }
    return out
  }
  return { rows, cos: spread(cos), sin: spread(sin) }
}

/** Old cache rows (chunk, key head, slot) of the new ones. */
export const cacheRows = ({ from, slots }: Packing, old: Slots, kvHeads: number): ReadonlyArray<number> =>
  slots.owners.flatMap((_, chunk) =>
    Array.from({ length: kvHeads * slots.width }, (_, i) => {
      const slot = from[chunk * slots.width + (i % slots.width)]!
      const head = Math.floor(i / slots.width)
      return (Math.floor(slot / old.width) * kvHeads + head) * old.width + (slot % old.width)
    }),
  )
