import { ShapeError, sizeOf, type Gradients, type Params } from '@durian/core'
import type { Tensor, Tf } from './tf.ts'
import { tensorWalks } from './memory.ts'

/**
 * Reverse mode through tfjs's tape. What the tape gets wrong is mended here:
 * an exception inside frees what the tape had saved, inputs that are not reached get zeros instead of null,
 * two names for one tensor get a gradient each, and no result is another name for an input.
 */
export const gradients = (tf: Tf): Gradients<Tensor> => {
  const walks = tensorWalks(tf)
  /** f(copies of inputs) with its pulled-back cotangent; `cotangent` defaults to 1. */
  const pullBack = (f: (inputs: Tensor[]) => Tensor, inputs: ReadonlyArray<Tensor>, cotangent?: Tensor) => {
    const engine = tf.engine()
    return tf.tidy(() => {
      const watched = inputs.map((x) => tf.clone(x))
      try {
        const { value, grads } = engine.gradients(() => f(watched), watched, cotangent, true)
        return {
          value: watched.includes(value) ? tf.clone(value) : value,
          grads: grads.map((grad, i): Tensor => {
            // tfjs's types hide it: a gradient is undefined where f does not depend on the input
            const found = grad as Tensor | undefined
            if (found === undefined) return tf.zerosLike(watched[i]!)
            return found === cotangent || grads.indexOf(grad) < i ? tf.clone(found) : found
          }),
        }
      } catch (thrown) {
        if (engine.state.gradientDepth === 0 && engine.state.activeTape !== null) {
          for (const node of engine.state.activeTape) for (const tensor of node.saved ?? []) tensor.dispose()
          // as tfjs does at the end of a gradient, whatever its types say
          engine.state.activeTape = null as never
        }
        throw thrown
      }
    })
  }

  return {
    valueAndGrad:
      <P extends Params<Tensor>, A>(f: (params: P) => { readonly value: Tensor; readonly aux: A }) =>
      (params: P) => {
        const names = Object.keys(params)
        let kept: A | undefined
        const release = () => walks.leaves(kept).forEach((tensor) => tensor.dispose())
        try {
          const { value, grads } = pullBack(
            (watched) => {
              const named = Object.fromEntries(names.map((name, i) => [name, watched[i]!])) as unknown as P
              const { value, aux } = f(named)
              if (sizeOf(value.shape) !== 1) {
                throw new ShapeError(`valueAndGrad needs a scalar, the function returned [${value.shape}]`)
              }
              // the tape's own scope frees everything but the value: copies marked `kept` survive it
              kept = walks.map(aux, (x) => tf.keep(tf.clone(x)))
              return value
            },
            names.map((name) => params[name]!),
          )
          const aux = walks.map(kept as A, (x) => tf.clone(x))
          return { value, grads: Object.fromEntries(names.map((name, i) => [name, grads[i]!])) as unknown as P, aux }
        } finally {
          release()
        }
      },
    vjp: (f) => (inputs, cotangent) => pullBack(f, inputs, cotangent),
  }
}
