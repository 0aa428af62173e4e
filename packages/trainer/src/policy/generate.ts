import { type Backend, type HostTensor, type KvCache, sizeOf, uniform, type WeightSource } from '@durian/core'
import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import type { PolicyConfig } from './config.ts'
import { type KeysValues, logitsOf, streamHidden } from './decoder.ts'
import { weight } from './params.ts'
import { HIDDEN, prefill, type PromptBatch, promptBatch, ropeOptions } from './prompts.ts'
import { rotary, textRope } from './rope.ts'
import { drawToken } from './sampler.ts'
import { fullSlots, ownerOf, type Packing, repacked, type Slots } from './slots.ts'
import type { Completion, EncodedPrompt, SamplingOptions } from './types.ts'

export interface GenerateOptions extends SamplingOptions {
  /** The prompt counter of each prompt's draws; default its place in the list. Draws depend on nothing else about the batch. */
  readonly promptIndices?: ReadonlyArray<number>
  /** Stops between tokens, with `Interrupted`. */
  readonly signal?: AbortSignal
}

/** One rollout while it grows. */
interface Growing {
  readonly ids: number[]
  readonly logprobs: number[]
  excluded: number
  terminated: boolean
}

/**
 * `numGenerations` completions of each prompt, [P][G].
 *
 * Each prompt is read once; all rollouts are decoded together with a cache of their own keys, and finished ones leave the batch when
 * that pays. Logits are read back for every token and drawn from in float64 on the host with Philox(seed; step, prompt, rollout, token).
 * Nothing stays on the device; `weights` remain the caller's.
 *
 * @returns Left when the device fails, a logit is not finite, every token is banned, or the signal stops it
 */
export const generate =
  <T>(backend: Backend<T>, config: PolicyConfig) =>
  (
    weights: WeightSource<T>,
    prompts: ReadonlyArray<EncodedPrompt>,
    options: GenerateOptions,
  ): TE.TaskEither<TrainError, ReadonlyArray<ReadonlyArray<Completion>>> =>
    attempt((take) =>
      backend.memory.bracket(async (held) => {
        const { ops, memory, transfer, kvCaches } = backend
        const { numGenerations, maxCompletionLength } = options
        if (prompts.length === 0) return []
        const banned = new Set(options.banned)
        if (banned.size >= config.text.vocabSize)
          await take(either.left(badInput('Every token of the vocabulary is banned.')))
        const draw = drawToken({ ...options, banned })
        const ends = new Set(options.endTokens)
        const batch = promptBatch(config)(prompts)
        const step = decodingStep(backend, config)(weights, batch)
        const grown = prompts.map(() =>
          Array.from({ length: numGenerations }, (): Growing => ({
            ids: [],
            logprobs: [],
            excluded: 0,
            terminated: false,
          })),
        )
        let slots = fullSlots(prompts.length, numGenerations)
        let prefix = held.keep(memory.scope(() => prefill(ops, config)(weights, batch, { scope: memory.scope })))
        let cache = kvCaches.create()

        const isLive = (slot: number): boolean => {
          const rollout = slots.rollouts[slot]!
          return rollout >= 0 && !grown[ownerOf(slots, slot)]![rollout]!.terminated
        }
        for (let token = 0; token < maxCompletionLength; token++) {
          if (options.signal?.aborted === true)
            await take(either.left<TrainError, never>({ _tag: 'Interrupted', message: 'Sampling was interrupted.' }))
          const inputs = Int32Array.from(slots.rollouts, (rollout, slot) => {
            const owner = ownerOf(slots, slot)
            return grown[owner]![rollout]?.ids.at(-1) ?? batch.last[owner]!.id
          })
          const next = memory.scope(() => step({ slots, prefix, cache, inputs, token }))
          held.release(cache)
          cache = held.keep(next.cache)
          held.keep(next.logits)
          const logits = await take(transfer.read(next.logits)) // [slots, V]
          held.free([next.logits])
          for (let slot = 0; slot < slots.rollouts.length; slot++) {
            if (!isLive(slot)) continue
            const [owner, rollout] = [ownerOf(slots, slot), slots.rollouts[slot]!]
            const counter = [options.step, options.promptIndices?.[owner] ?? owner, rollout, token] as const
            const row = logits.subarray(slot * config.text.vocabSize, (slot + 1) * config.text.vocabSize)
            const drawn = draw(row, options.temperature === 0 ? 0 : uniform({ seed: options.seed }, counter))
            if (!Number.isFinite(drawn.logprob))
              await take(
                either.left(
                  runFailed(`The policy's logits for '${prompts[owner]!.id}' are not finite: training has diverged.`),
                ),
              )
            const growing = grown[owner]![rollout]!
            growing.ids.push(drawn.token)
            growing.logprobs.push(drawn.logprob)
            growing.excluded += drawn.excludedMass
            growing.terminated = ends.has(drawn.token)
          }
          if (!slots.rollouts.some((_, slot) => isLive(slot))) break
          const packing = token + 1 < maxCompletionLength ? repacked(slots, isLive) : undefined
          if (packing === undefined) continue
          const kept = memory.scope(() => keptChunks(backend, prefix, packing, slots))
          held.free(prefix)
          prefix = held.keep(kept)
          const smaller = kvCaches.selectRows(cache, cacheRows(packing, slots, config.text.kvHeads))
          held.release(cache)
          cache = held.keep(smaller)
          slots = packing.slots
        }
        return grown.map((group) => group.map(completion))
      }),
    )

const completion = ({ ids, logprobs, excluded, terminated }: Growing): Completion => ({
  ids: Int32Array.from(ids),
  logprobs: Float64Array.from(logprobs),
  terminated,
  excludedMass: excluded / Math.max(1, ids.length),
})

interface DecodingState<T> {
  readonly slots: Slots
  readonly prefix: ReadonlyArray<KeysValues<T>>
  readonly cache: KvCache<T>
  /** Newest token of each slot. */
  readonly inputs: Int32Array
  /** How many tokens each rollout has already. */
  readonly token: number
}

/** One token for every slot: [slots, V] logits, and the cache grown by one. */
const decodingStep =
  <T>({ ops, kvCaches, memory }: Backend<T>, config: PolicyConfig) =>
  (weights: WeightSource<T>, batch: PromptBatch) =>
  ({ slots, prefix, cache, inputs, token }: DecodingState<T>): { readonly logits: T; readonly cache: KvCache<T> } => {
    const { headDim, kvHeads } = config.text
    const position = (axis: 0 | 1 | 2): Int32Array => {
      const out = new Int32Array(slots.rollouts.length)
      for (let slot = 0; slot < out.length; slot++) {
        const last = batch.last[ownerOf(slots, slot)]!
        out[slot] = token === 0 ? last.position[axis] : last.nextPosition + token - 1
      }
      return out
    }
    const tables = textRope(ropeOptions(config), [position(0), position(1), position(2)])
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
    const hidden = streamHidden(ops, config)(
      weights,
      ops.embedding(weight(weights.under('model.embed_tokens.'), 'weight'), inputs),
      {
        prompts: slots.owners.length,
        rollouts: slots.width,
        prefix,
        mask: mask && ops.fromHost(mask),
        tables: rotary(ops, tables, headDim),
        own,
        scope,
      },
    )
    return { logits: logitsOf(ops, config)(weights, hidden), cache: grown }
  }

/** Hides the padding of shorter prompts, [chunks, 1, 1, Tp + own]; undefined when there is none. */
const paddingMask = (batch: PromptBatch, { owners }: Slots, own: number): HostTensor | undefined => {
  if (owners.every((owner) => batch.lengths[owner] === batch.length)) return undefined
  const keys = batch.length + own
  const data = new Float32Array(owners.length * keys)
  owners.forEach((owner, chunk) => data.fill(HIDDEN, chunk * keys + batch.lengths[owner]!, chunk * keys + batch.length))
  return { shape: [owners.length, 1, 1, keys], data }
}

const keptChunks = <T>(
  { ops }: Backend<T>,
  prefix: ReadonlyArray<KeysValues<T>>,
  { chunks }: Packing,
  { owners }: Slots,
): ReadonlyArray<KeysValues<T>> => {
  const kept = (x: T): T => {
    const shape = ops.shape(x) // [chunks * KV, Tp, hd]
    const flat = ops.reshape(x, [owners.length, sizeOf(shape) / owners.length])
    return ops.reshape(ops.embedding(flat, chunks), [(shape[0]! / owners.length) * chunks.length, shape[1]!, shape[2]!])
  }
  return prefix.map(({ keys, values }) => ({ keys: kept(keys), values: kept(values) }))
}

/** Old cache rows (chunk, key head, slot) of the new ones. */
const cacheRows = ({ from, slots }: Packing, old: Slots, kvHeads: number): ReadonlyArray<number> =>
  slots.owners.flatMap((_, chunk) =>
    Array.from({ length: kvHeads * slots.width }, (_, i) => {
      const slot = from[chunk * slots.width + (i % slots.width)]!
      const head = Math.floor(i / slots.width)
      return (Math.floor(slot / old.width) * kvHeads + head) * old.width + (slot % old.width)
    }),
  )
