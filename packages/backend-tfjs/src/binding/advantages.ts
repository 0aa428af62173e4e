import {
  ShapeError,
  percentileBuckets,
  quantileBuckets,
  scalar,
  scale,
  shift,
  type Backend,
  type BackendError,
  type Bucketer,
  type DurianOptions,
  type TensorOps,
} from '@durian/core'
import { taskEither as TE } from 'fp-ts'
import { pipe } from 'fp-ts/lib/function.js'

export interface DeviceSamples<T> {
  /** [B, G]; every rollout has a reward. */
  readonly rewards: T
  /** Visual entropy of each prompt, nats; null for a prompt without an image. */
  readonly entropies: ReadonlyArray<number | null>
  /** Confidence in each prompt, [B], nats. */
  readonly confidences: T
}

export interface DeviceAdvantages<T> {
  /** Eq. 20, [B, G]. */
  readonly advantages: T
  readonly components: { readonly grpo: T; readonly perceptual: T; readonly reasoning: T }
  /** 0 = lowest entropy; null where there is none. */
  readonly perceptual: { readonly buckets: ReadonlyArray<number | null>; readonly edges: ReadonlyArray<number> }
  /** 0 = least confident. */
  readonly reasoning: {
    readonly scores: ReadonlyArray<number>
    readonly buckets: ReadonlyArray<number>
    readonly edges: ReadonlyArray<number>
  }
}

/**
 * Durian's advantages of a batch whose rewards live on the device.
 *
 *   A = alpha_ori A_grpo + alpha_per A_per + alpha_rea A_rea                                 (paper, eq. 20)
 *
 * Only the B confidences are read back; the quantile edges are core's, on the host; means, stds and scaling run on the device.
 * The tensors of the result belong to the caller.
 *
 * @returns exactly 0 for a constant group, and for every group of a constant bucket
 */
export const durianAdvantages =
  <T>({ ops, memory, transfer }: Pick<Backend<T>, 'ops' | 'memory' | 'transfer'>) =>
  (samples: DeviceSamples<T>, options: DurianOptions): TE.TaskEither<BackendError, DeviceAdvantages<T>> => {
    const { rewards, entropies, confidences } = samples
    const [prompts, , ...more] = ops.shape(rewards)
    if (more.length > 0 || ops.shape(confidences).join() !== String(prompts) || entropies.length !== prompts) {
      throw new ShapeError(
        `durianAdvantages: rewards [${ops.shape(rewards)}], confidences [${ops.shape(confidences)}] and ${entropies.length} entropies are not [B, G], [B] and B`,
      )
    }
    return pipe(
      transfer.read(confidences),
      TE.map((scores) => {
        const perceptual = bucketed(percentileBuckets(options.perceptualQuantiles), entropies)
        const reasoning = quantileBuckets(options.reasoningGroups)(scores)
        const tensors = memory.scope(() => combined(ops, rewards, { perceptual, reasoning }, options))
        return { ...tensors, perceptual, reasoning: { scores: Array.from(scores), ...reasoning } }
      }),
    )
  }

/** Buckets of the prompts that have a score. */
const bucketed = (bucketer: Bucketer, scores: ReadonlyArray<number | null>) => {
  const { buckets, edges } = bucketer(scores.filter((score) => score !== null))
  let next = 0
  return { buckets: scores.map((score) => (score === null ? null : buckets[next++]!)), edges }
}

interface Buckets {
  readonly perceptual: { readonly buckets: ReadonlyArray<number | null> }
  readonly reasoning: { readonly buckets: ReadonlyArray<number> }
}

const combined = <T>(ops: TensorOps<T>, rewards: T, by: Buckets, options: DurianOptions) => {
  const [, rollouts] = ops.shape(rewards) as [number, number]
  const moments = momentsOf(ops, rewards, rollouts, options.ddof) // of each group, [B, 1]
  const centred = ops.mul(ops.sub(rewards, moments.mean), moments.varies)
  const scaledBy = (stds: T): T => {
    const constant = ops.sub(scalar(ops, 1), variesOf(ops, stds))
    // a std of exactly 0 divides by 1 instead, and its rewards count for nothing
    const divisor = ops.add(shift(ops, stds, options.epsilon), constant)
    return ops.div(ops.mul(centred, ops.sub(scalar(ops, 1), constant)), divisor)
  }
  const components = {
    grpo: scaledBy(moments.std),
    perceptual: scaledBy(sharedStds(ops, rewards, by.perceptual.buckets, options.ddof)),
    reasoning: scaledBy(sharedStds(ops, rewards, by.reasoning.buckets, options.ddof)),
  }
  const [original, perceptual, reasoning] = options.weights
  const advantages = ops.add(
    ops.add(scale(ops, components.grpo, original), scale(ops, components.perceptual, perceptual)),
    scale(ops, components.reasoning, reasoning),
  )
  return { advantages, components }
}

/** The bucket's std for each group, [B, 1]; a group without a bucket is one of its own. */
const sharedStds = <T>(ops: TensorOps<T>, rewards: T, buckets: ReadonlyArray<number | null>, ddof: number): T => {
  const [, rollouts] = ops.shape(rewards) as [number, number]
  const members = new Map<number | string, number[]>()
  buckets.forEach((bucket, s) => {
    const key = bucket ?? `own ${s}`
    members.set(key, [...(members.get(key) ?? []), s])
  })
  const keys = [...members.keys()]
  const stds = keys.map((key) => {
    const rows = members.get(key)!
    const count = rows.length * rollouts
    const flat = ops.reshape(ops.embedding(rewards, rows), [1, count])
    return momentsOf(ops, flat, count, ddof).std // [1, 1]
  })
  return ops.embedding(
    ops.concat(stds, 0),
    buckets.map((bucket, s) => keys.indexOf(bucket ?? `own ${s}`)),
  )
}

/** Mean and std of each row, [N, 1]; std exactly 0 and `varies` 0 where the row is constant, else `varies` is 1. */
const momentsOf = <T>(ops: TensorOps<T>, rows: T, count: number, ddof: number) => {
  const least = ops.neg(ops.max(ops.neg(rows), 1))
  const varies = variesOf(ops, ops.sub(ops.max(rows, 1), least))
  // centred on the smallest first, so a common offset costs no digits
  const shifted = ops.sub(rows, least)
  const mean = scale(ops, ops.sum(shifted, 1), 1 / count)
  const sumSquares = ops.sum(ops.square(ops.sub(shifted, mean)), 1)
  const std = ops.sqrt(scale(ops, sumSquares, 1 / Math.max(1, count - ddof)))
  return { mean: ops.add(mean, least), std: ops.mul(std, varies), varies }
}

/** 0 for 0 and 1 above: a comparison in terms of the algebra, for spreads above 1e-30. */
const variesOf = <T>(ops: TensorOps<T>, spread: T): T => ops.clip(scale(ops, spread, 1e30), 0, 1)
