import { createHash } from 'node:crypto'
import type { Backend, Params, WeightSource } from '@durian/core'
import type { taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import type { TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import type { EncodedPrompt, ProcessedImage } from '../policy/types.ts'
import { visionFeatures } from '../policy/vision.ts'

/** Features of pictures that were seen before, the least recently used go first. */
export interface FeatureCache {
  readonly get: (key: string) => Float32Array | undefined
  readonly set: (key: string, features: Float32Array) => void
}

/** 512 MB: some 750 pictures of 256 x 256 for a policy of width 2048. */
const CACHE_BYTES = 2 ** 29

export const featureCache = (limit = CACHE_BYTES): FeatureCache => {
  const kept = new Map<string, Float32Array>()
  let bytes = 0
  const drop = (key: string): void => {
    bytes -= kept.get(key)?.byteLength ?? 0
    kept.delete(key)
  }
  return {
    get: (key) => {
      const features = kept.get(key)
      if (features === undefined) return undefined
      kept.delete(key)
      kept.set(key, features)
      return features
    },
    set: (key, features) => {
      drop(key)
      kept.set(key, features)
      bytes += features.byteLength
      for (const oldest of kept.keys()) {
        if (bytes <= limit || oldest === key) break
        drop(oldest)
      }
    },
  }
}

/** Whether training leaves the vision encoder as it is, so that what it says of a picture holds for the whole run. */
export const visionIsFrozen = <T>(params: Params<T>, frozen: (name: string) => boolean): boolean =>
  Object.keys(params).every((name) => !name.startsWith('visual.') || frozen(name))

const keyOf = ({ pixels, grid }: ProcessedImage): string =>
  createHash('sha256')
    .update(grid.join())
    .update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength))
    .digest('base64')

export interface FeatureContext<T> {
  readonly backend: Backend<T>
  readonly policy: PolicyConfig
  readonly cache: FeatureCache
}

/**
 * Prompts whose pictures bring their merged features, for a vision encoder that stays as it is: it looks at each picture once, and rollout,
 * entropy and update read what it saw. Each picture is looked at alone, so that its features do not depend on its neighbours in a batch,
 * and a resumed run computes the same.
 */
export const withFeatures =
  <T>({ backend: { ops, memory, transfer }, policy, cache }: FeatureContext<T>) =>
  (
    weights: WeightSource<T>,
    prompts: ReadonlyArray<EncodedPrompt>,
  ): TE.TaskEither<TrainError, ReadonlyArray<EncodedPrompt>> =>
    attempt((take) =>
      memory.bracket(async (held) => {
        const seen = async (image: ProcessedImage): Promise<ProcessedImage> => {
          const key = keyOf(image)
          const known = cache.get(key)
          if (known !== undefined) return { ...image, features: known }
          const { rows } = held.keep(
            memory.scope(() =>
              visionFeatures(ops, policy)(weights, [image], { features: 'merged', scope: memory.scope }),
            ),
          )
          const features = await take(transfer.read(rows))
          held.free([rows])
          cache.set(key, features)
          return { ...image, features }
        }
        const out: EncodedPrompt[] = []
        for (const prompt of prompts) {
          const images: ProcessedImage[] = []
          for (const image of prompt.images) images.push(await seen(image))
          out.push({ ...prompt, images })
        }
        return out
      }),
    )
