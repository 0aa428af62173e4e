import { createHash } from 'node:crypto'
import { type Backend, residentWeights, visualEntropy } from '@durian/core'
import { either as E, type taskEither as TE } from 'fp-ts'
import { attempt } from '../effect.ts'
import { runFailed, type TrainError } from '../errors.ts'
import type { PolicyConfig } from '../policy/config.ts'
import { loadPolicyConfig, loadWeights } from '../policy/files.ts'
import type { ProcessedImage } from '../policy/types.ts'
import { visionFeatures } from '../policy/vision.ts'
import { processImage, type ImageSettings } from '../processor/imageProcessor.ts'
import { loadProcessor } from '../processor/loadProcessor.ts'
import type { Tensors } from '../io/safetensors.ts'
import { type BackendChoice, withChosenBackend } from './chosenBackend.ts'

export type FeatureKind = 'merged' | 'patches'

/** Which eyes look at the pictures. */
export interface VisionOptions {
  /** Model folder in the Hub's layout. */
  readonly model: string
  readonly kind: FeatureKind
  readonly backend: BackendChoice
}

export interface PictureEntropy {
  /** H of all pictures together, nats (paper, eq. 9); null without a picture. */
  readonly entropy: number | null
  /** Rows of the feature matrix. */
  readonly patches: number
  readonly dim: number
}

/** Encoded pictures to the entropy of them together. Left: which picture is wrong, or a failed device. */
export type Look = (pictures: ReadonlyArray<Uint8Array>) => TE.TaskEither<LookError, PictureEntropy>

export type LookError =
  | { readonly _tag: 'BadPicture'; readonly picture: number; readonly reason: string }
  | { readonly _tag: 'Failed'; readonly error: TrainError }

/** The vision encoder's files, on the host. */
export interface VisionFiles {
  readonly config: PolicyConfig
  readonly image: ImageSettings
  readonly weights: Tensors
}

/** The vision part of a model folder; the decoder's weights are not read. */
export const loadVision = (model: string): TE.TaskEither<TrainError, VisionFiles> =>
  attempt(async (take) => {
    const { image } = await take(loadProcessor(model))
    const config = await take(loadPolicyConfig(model))
    const weights = await take(loadWeights(model, config, { wanted: (name) => name.startsWith('visual.') }))
    return { config, image, weights }
  })

/** What entropies depend on besides the pictures, as a hash: the encoder's weights and settings, and the kind of features. */
export const visionFingerprint = ({ config, image, weights }: VisionFiles, kind: FeatureKind): string => {
  const hash = createHash('sha256').update(JSON.stringify([1, kind, config.vision, image]))
  for (const name of Object.keys(weights).sort()) {
    const { data } = weights[name]!
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex')
}

/** Puts the encoder on a device, hands over how to look with it, and frees it. */
export const withVision = <A>(
  { kind, backend: prefer }: VisionOptions,
  files: VisionFiles,
  use: (look: Look, engine: string) => TE.TaskEither<TrainError, A>,
): TE.TaskEither<TrainError, A> =>
  withChosenBackend({ prefer, wasmThreads: 1 })(
    (backend) => () =>
      backend.memory.bracket((held) => {
        const params = Object.fromEntries(
          Object.entries(files.weights).map(([name, tensor]) => [name, held.keep(backend.ops.fromHost(tensor))]),
        )
        return use(looking(backend, files, { params, kind }), backend.name)()
      }),
  )

const looking =
  <T>(
    backend: Backend<T>,
    { config, image }: VisionFiles,
    { params, kind }: { readonly params: Readonly<Record<string, T>>; readonly kind: FeatureKind },
  ): Look =>
  (pictures) =>
    attempt(async (take) => {
      const processed: ProcessedImage[] = []
      for (const [picture, bytes] of pictures.entries()) {
        const result = await processImage(image)(bytes)()
        processed.push(
          await take(E.mapLeft((reason: string): LookError => ({ _tag: 'BadPicture', picture, reason }))(result)),
        )
      }
      const { ops, memory, transfer } = backend
      const failed = (error: TrainError): LookError => ({ _tag: 'Failed', error })
      return take(() =>
        memory.bracket(async (held): Promise<E.Either<LookError, PictureEntropy>> => {
          const { rows } = held.keep(
            memory.scope(() => visionFeatures(ops, config)(residentWeights(params), processed, { features: kind })),
          )
          const [patches = 0, dim = 0] = ops.shape(rows)
          const data = await transfer.read(rows)()
          if (E.isLeft(data)) return E.left(failed(data.left))
          if (!data.right.every(Number.isFinite))
            return E.left(failed(runFailed("The vision encoder's features are not finite; its weights may be broken.")))
          return E.right({ entropy: visualEntropy({ rows: patches, cols: dim, data: data.right }), patches, dim })
        }),
      )
    })
