import { type Backend, sizeOf, uniform, type WeightSource } from '@durian/core'
import { either, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { badInput, runFailed, type TrainError } from '../errors.ts'
import type { PolicyConfig } from './config.ts'
import { concatDecoding } from './concatDecoding.ts'
import type { KeysValues } from './decoder.ts'
import type { DecodingOf } from './decoding.ts'
import { drawingOf } from './drawing.ts'
import { fusedDecoding } from './fusedDecoding.ts'
import { prefill, promptBatch } from './prompts.ts'
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
 * that pays. Each token is drawn with Philox(seed; step, prompt, rollout, token), by the device where it has the kernel, else in float64
 * on the host from logits that are read back. Nothing stays on the device; `weights` remain the caller's.
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
        const { ops, memory, transfer } = backend
        const { numGenerations, maxCompletionLength } = options
        if (prompts.length === 0) return []
        const banned = new Set(options.banned)
        if (banned.size >= config.text.vocabSize)
          await take(either.left(badInput('Every token of the vocabulary is banned.')))
        const drawing = drawingOf(backend, { ...options, banned })
        const ends = new Set(options.endTokens)
        const batch = promptBatch(config)(prompts)
        const decoding = held.keep(decodingFor(backend, config)(weights, batch))
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
        let cache = decoding.start

        const promptIndex = (owner: number): number => options.promptIndices?.[owner] ?? owner
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
          const uniforms = Float64Array.from(slots.rollouts, (rollout, slot) =>
            options.temperature === 0 || !isLive(slot)
              ? 0
              : uniform({ seed: options.seed }, [options.step, promptIndex(ownerOf(slots, slot)), rollout, token]),
          )
          const next = memory.scope(() => {
            const step = decoding.step({ slots, prefix, cache, inputs, token })
            return { cache: step.cache, wanted: drawing.wanted(step.logits, uniforms) }
          })
          held.release(cache)
          cache = held.keep(next.cache)
          held.keep(next.wanted)
          const read = await take(transfer.read(next.wanted))
          held.free([next.wanted])
          for (let slot = 0; slot < slots.rollouts.length; slot++) {
            if (!isLive(slot)) continue
            const [owner, rollout] = [ownerOf(slots, slot), slots.rollouts[slot]!]
            const drawn = drawing.of(read, slot, uniforms)
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
          const smaller = decoding.repack(cache, packing, slots)
          held.release(cache)
          cache = held.keep(smaller)
          slots = packing.slots
        }
        return grown.map((group) => group.map(completion))
      }),
    )

/** The backend's own way where it has the kernel. What a decoding keeps goes back into the same decoding only. */
const decodingFor = <T>(backend: Backend<T>, config: PolicyConfig): DecodingOf<T, unknown> => {
  const attention = backend.ops.fused?.decodingAttention
  return (
    attention === undefined ? concatDecoding(backend, config) : fusedDecoding(backend, config, attention)
  ) as DecodingOf<T, unknown>
}

const completion = ({ ids, logprobs, excluded, terminated }: Growing): Completion => ({
  ids: Int32Array.from(ids),
  logprobs: Float64Array.from(logprobs),
  terminated,
  excludedMass: excluded / Math.max(1, ids.length),
})

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
