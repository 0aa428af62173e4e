import type { Tensor, Tf } from '../tf.ts'

/** Plain numbers a kernel takes besides tensors. */
export type Attributes = Readonly<Record<string, unknown>>
export type Inputs = Readonly<Record<string, Tensor>>

/**
 * An operation of our own: what it computes and its gradient, both written with kernels only.
 * tfjs's registry is global, so names begin with `Durian` and the gradient is registered once for all backends.
 */
export interface Kernel {
  readonly name: `Durian${string}`
  /** Composed of stock kernels: what a backend runs that brings nothing faster. */
  readonly forward: (inputs: Inputs, attributes: never) => Tensor | Tensor[]
  /** Absent: no gradient passes through. */
  readonly gradient?: {
    readonly saveInputs?: ReadonlyArray<string>
    readonly saveOutputs?: ReadonlyArray<boolean>
    readonly pullBack: (
      dys: ReadonlyArray<Tensor>,
      saved: ReadonlyArray<Tensor>,
      attributes: never,
    ) => Record<string, () => Tensor>
  }
}

/** tfjs's types promise an entry; what it has none of is undefined. */
const isKnown = (entry: unknown): boolean => entry !== undefined

/** Register a kernel for one backend, unless that backend brought its own; its gradient too, if nobody has yet. */
export const register = (tf: Tf, backendName: string, kernel: Kernel): void => {
  if (!isKnown(tf.getKernel(kernel.name, backendName))) {
    tf.registerKernel({
      kernelName: kernel.name,
      backendName,
      kernelFunc: ({ inputs, attrs }) => tf.tidy(() => kernel.forward(inputs as Inputs, attrs as never)),
    })
  }
  const { gradient } = kernel
  if (gradient !== undefined && !isKnown(tf.getGradient(kernel.name))) {
    tf.registerGradient({
      kernelName: kernel.name,
      inputsToSave: [...(gradient.saveInputs ?? [])],
      outputsToSave: [...(gradient.saveOutputs ?? [])],
      gradFunc: (dy, saved, attrs) => gradient.pullBack(Array.isArray(dy) ? dy : [dy], saved, attrs as never),
    })
  }
}

/** Run a registered kernel on the current backend. */
export const run = <R extends Tensor | Tensor[] = Tensor>(
  tf: Tf,
  name: `Durian${string}`,
  inputs: Inputs,
  attributes: Attributes = {},
): R => tf.engine().runKernel(name, { ...inputs }, attributes as never)

/** Gradients that one kernel makes together, by the name of their input. Made at once: each is asked for inside a scope of its own. */
export const together = (grads: Readonly<Record<string, Tensor>>): Record<string, () => Tensor> =>
  Object.fromEntries(Object.entries(grads).map(([name, grad]) => [name, () => grad]))
