import type { Backend, Params, TokenScores, WeightSource } from '@durian/core'
import { type CompletionBatch, scoreCompletions } from '../policy/completions.ts'
import type { PolicyConfig } from '../policy/config.ts'
import type { Dropout } from '../policy/linear.ts'
import { policyWeights } from '../policy/params.ts'
import { type StagedScores, stagedScores } from '../policy/stages.ts'

/** What a micro-batch adds to the gradient. */
export interface Differentiated<T, A> {
  readonly value: T
  /** Named as the moving parameters. */
  readonly grads: Params<T>
  readonly aux: A
}

/** The loss of a micro-batch and its gradient, given all parameters and those of them that move. Call inside a memory scope. */
export type MicroGradient<T, A> = (params: Params<T>, moving: Params<T>) => Differentiated<T, A>

/** A loss of the scores of a batch's tokens, [P * G * Tr] each. */
export type ScoreLoss<T, A> = (scores: TokenScores<T>) => { readonly value: T; readonly aux: A }

export interface LossGradientOptions<T> {
  readonly temperature: number
  /** The loss differentiates the entropies; default not. */
  readonly entropyGradient?: boolean
  /** Keep only what lies between layers and compute each layer once more on the way back: less memory, about a third more time. */
  readonly checkpointing: boolean
  /** Weights beneath the parameters that do not move; default none. */
  readonly base?: WeightSource<T> | undefined
}

/** Gradient of a loss of a batch's token scores, on one tape or layer by layer; both give the same gradients. */
export const lossGradient =
  <T>(
    backend: Backend<T>,
    policy: PolicyConfig,
    { temperature, entropyGradient = false, checkpointing, base }: LossGradientOptions<T>,
  ) =>
  <A>(batch: CompletionBatch, loss: ScoreLoss<T, A>, dropout?: Dropout<T>): MicroGradient<T, A> =>
    checkpointing
      ? (params, moving) =>
          layerwise(backend)(
            stagedScores(backend.ops, policy)(batch, { temperature, entropyGradient, dropout }),
            loss,
            {
              moving,
              weights: (watched) => policyWeights({ ...params, ...watched }, base),
            },
          )
      : (params, moving) =>
          backend.gradients.valueAndGrad((watched: Params<T>) =>
            loss(
              scoreCompletions(backend.ops, policy)(policyWeights({ ...params, ...watched }, base), batch, {
                temperature,
                entropyGradient,
                dropout,
              }),
            ),
          )(moving)

/** Not a name of a weight. */
const INPUT = '#input'

/**
 * Forwards without a tape, keeping each stage's input; then the head with one; then each stage once more with a tape of its own, last
 * first, with the gradient of what it made as cotangent. At any time one stage's activations exist.
 */
const layerwise =
  <T>({ ops, gradients, memory }: Backend<T>) =>
  <A>(
    { stages, head }: StagedScores<T>,
    loss: ScoreLoss<T, A>,
    {
      moving,
      weights,
    }: {
      readonly moving: Params<T>
      /** All weights, some of them as a tape watches them. */
      readonly weights: (watched: Params<T>) => WeightSource<T>
    },
  ): Differentiated<T, A> => {
    const movingOf = ({ reads }: { readonly reads: (name: string) => boolean }): Params<T> =>
      Object.fromEntries(Object.entries(moving).filter(([name]) => reads(name)))
    const total: Record<string, T> = {}
    const addUp = (grads: Params<T>): void => {
      for (const [name, grad] of Object.entries(grads)) {
        const before = total[name]
        if (before === undefined) total[name] = grad
        else {
          total[name] = ops.add(before, grad)
          memory.free([before, grad])
        }
      }
    }

    // Stages before the first that moves need no gradient and no input kept.
    const found = stages.findIndex((stage) => Object.keys(movingOf(stage)).length > 0)
    const first = found === -1 ? stages.length : found
    const inputs: Array<T | undefined> = []
    let x: T | undefined
    stages.forEach((stage, index) => {
      const input = x
      x = memory.scope(() => stage.run(weights({}), input))
      if (index < first) memory.free(input)
      inputs.push(input)
    })

    const ofHead = memory.scope(() =>
      gradients.valueAndGrad(({ [INPUT]: input, ...own }: Params<T>) => loss(head.scores(weights(own), input!)))({
        ...movingOf(head),
        [INPUT]: x!,
      }),
    )
    memory.free(x)
    const { [INPUT]: cotangentOfHead, ...gradsOfHead } = ofHead.grads
    addUp(gradsOfHead)
    let cotangent = cotangentOfHead!
    for (let index = stages.length - 1; index >= first; index--) {
      const stage = stages[index]!
      const own = movingOf(stage)
      const names = Object.keys(own)
      const input = index > first ? inputs[index] : undefined
      const fixed = inputs[index]
      const watched = [...names.map((name) => own[name]!), ...(input === undefined ? [] : [input])]
      const grads = memory.scope(() => {
        const pulled = gradients.vjp((given) =>
          stage.run(
            weights(Object.fromEntries(names.map((name, i) => [name, given[i]!]))),
            input === undefined ? fixed : given[names.length],
          ),
        )(watched, cotangent).grads
        return pulled
      })
      memory.free([cotangent, fixed])
      addUp(Object.fromEntries(names.map((name, i) => [name, grads[i]!])))
      cotangent = grads[names.length]!
    }
    if (first === stages.length) memory.free(cotangent)
    const grads = Object.fromEntries(
      Object.entries(moving).map(([name, p]) => [
        name,
        total[name] ?? ops.mul(p, ops.fromHost({ shape: [], data: [0] })),
      ]),
    )
    return { value: ofHead.value, grads, aux: ofHead.aux }
  }
