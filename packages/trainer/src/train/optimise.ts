import {
  type AdamWOptions,
  type AdamWState,
  type Backend,
  clipByGlobalNorm,
  type Params,
  updateAdamW,
} from '@durian/core'
import type { TrainConfig } from '../config/trainConfig.ts'
import type { MicroGradient } from './lossGradient.ts'

/** What moves during training. */
export interface Learner<T> {
  readonly params: Params<T>
  /** Moments of the trainable parameters. */
  readonly optimizer: AdamWState<T>
}

export interface OptimiserOptions {
  readonly adamw: AdamWOptions
  readonly maxGradNorm: number
  /** Parameters that stay as they are, by name. */
  readonly frozen: (name: string) => boolean
}

export interface OptimiserResult<T, A> {
  /** Holds new tensors for what moved and the old ones for what is frozen. */
  readonly learner: Learner<T>
  /** Global gradient norm before clipping, []. */
  readonly gradNorm: T
  /** Sum of the losses of the micro-batches, []. */
  readonly loss: T
  readonly aux: ReadonlyArray<A>
}

/** What a run's configuration holds still: the vision encoder if asked for, and the numbers that scale adapters. */
export const frozenIn =
  ({ freeze_vision_tower, lora }: Pick<TrainConfig, 'freeze_vision_tower' | 'lora'>): OptimiserOptions['frozen'] =>
  (name) =>
    lora === null ? freeze_vision_tower && name.startsWith('visual.') : name.endsWith('.lora_scaling')

/** The names an optimiser moves. */
export const trainable = <T>(params: Params<T>, frozen: OptimiserOptions['frozen']): Params<T> =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !frozen(name)))

/**
 * One optimiser step: the gradients of the micro-batches are added up, clipped together to `maxGradNorm` and given to AdamW.
 *
 * Synchronous and without side effect on its inputs: the old parameters stay the caller's until the new ones are kept.
 */
export const optimiserStep =
  <T>({ ops, memory }: Backend<T>, { adamw, maxGradNorm, frozen }: OptimiserOptions) =>
  <A>(learner: Learner<T>, losses: ReadonlyArray<MicroGradient<T, A>>): OptimiserResult<T, A> =>
    memory.scope(() => {
      const moving = trainable(learner.params, frozen)
      const differentiated = losses.map((loss) =>
        // One scope a micro-batch: the next one starts with the memory of this one freed.
        memory.scope(() => loss(learner.params, moving)),
      )
      const [first, ...others] = differentiated
      if (first === undefined) throw new RangeError('an optimiser step needs at least one micro-batch')
      const summed: Params<T> = Object.fromEntries(
        Object.keys(moving).map((name) => [
          name,
          others.reduce<T>((total, { grads }) => ops.add(total, grads[name]!), first.grads[name]!),
        ]),
      )
      const { grads, norm } = clipByGlobalNorm(ops, maxGradNorm)(summed)
      const { params, state } = updateAdamW(ops, adamw)(moving, grads, learner.optimizer)
      return {
        learner: { params: { ...learner.params, ...params }, optimizer: state },
        gradNorm: norm,
        loss: others.reduce<T>((total, { value }) => ops.add(total, value), first.value),
        aux: differentiated.map(({ aux }) => aux),
      }
    })

const tensorsOf = <T>({ params, optimizer }: Learner<T>): ReadonlyArray<T> =>
  [params, optimizer.first, optimizer.second].flatMap((tensors) => Object.values(tensors))

/** The tensors of `old` that `next` no longer uses (none when no update was made): what may be freed once `next` is kept. */
export const replaced = <T>(old: Learner<T>, next: Learner<T>): ReadonlyArray<T> => {
  const kept = new Set(tensorsOf(next))
  return tensorsOf(old).filter((tensor) => !kept.has(tensor))
}
