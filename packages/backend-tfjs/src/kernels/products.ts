import { ShapeError, type AttentionInputs, type Fused } from '@durian/core'
import type { Tensor, Tf } from '../tf.ts'
import { run, type Inputs } from './define.ts'

/** x W^T + bias + plus, where the backend has brought `DurianLinear`: gradients are products of the stock kind. */
export const linear = (tf: Tf): Fused<Tensor>['linear'] => {
  tf.registerGradient({
    kernelName: 'DurianLinear',
    inputsToSave: ['x', 'weight'],
    gradFunc: (gradient, [x, weight]) => {
      const dy = gradient as Tensor
      return {
        x: () => tf.matMul(dy, weight!),
        weight: () => tf.matMul(dy, x!, true, false),
        bias: () => tf.reshape(run(tf, 'DurianSum', { x: dy }, { axis: 0 }), [dy.shape[1]!]),
        plus: () => tf.clone(dy),
      }
    },
  })
  return (x, weight, { bias, plus } = {}) => {
    const [rows, width] = x.shape
    const [outputs, widthOfWeight] = weight.shape
    const fits =
      x.shape.length === 2 &&
      weight.shape.length === 2 &&
      width === widthOfWeight &&
      (bias === undefined || bias.shape.join() === String(outputs)) &&
      (plus === undefined || plus.shape.join() === `${rows},${outputs}`)
    if (!fits) {
      const added = [bias, plus].map((tensor) => (tensor === undefined ? 'none' : `[${tensor.shape}]`))
      throw new ShapeError(
        `linear: [${x.shape}], [${weight.shape}], bias ${added[0]} and plus ${added[1]} are not [N, in], [out, in], [out] and [N, out]`,
      )
    }
    return run(tf, 'DurianLinear', { x, weight, ...(bias && { bias }), ...(plus && { plus }) })
  }
}

/** A kernel's gradient names what it saves, so each combination of inputs is a kernel: `DurianAttention`, `DurianAttentionMasked`, … */
const forms = [false, true].flatMap((shared) =>
  [false, true].map((mask) => ({
    shared,
    mask,
    name: `DurianAttention${shared ? 'Shared' : ''}${mask ? 'Masked' : ''}` as const,
    inputs: ['queries', 'keys', 'values', ...(shared ? ['sharedKeys', 'sharedValues'] : []), ...(mask ? ['mask'] : [])],
    differentiable: ['queries', 'keys', 'values', ...(shared ? ['sharedKeys', 'sharedValues'] : [])],
  })),
)

/** Names under which a backend registers its one attention kernel. */
export const attentionKernels: ReadonlyArray<string> = forms.map(({ name }) => name)

/** Attention without scores in memory, where the backend has brought the kernels: `DurianAttention…` give the mixed values and ln of each total. */
export const attention = (tf: Tf): Fused<Tensor>['attention'] => {
  for (const { name, inputs, differentiable } of forms) {
    tf.registerGradient({
      kernelName: name,
      inputsToSave: inputs,
      outputsToSave: [true, true],
      gradFunc: (gradients, saved) => {
        const [dy] = gradients as Tensor[]
        const named: Inputs = Object.fromEntries(inputs.map((input, i) => [input, saved[i]!]))
        const [out, logTotal] = saved.slice(inputs.length)
        const grads = run<Tensor[]>(tf, 'DurianAttentionGrad', { ...named, dy: dy!, out: out!, logTotal: logTotal! })
        return Object.fromEntries(differentiable.map((input, i) => [input, () => grads[i]!]))
      },
    })
  }
  return (queries, inputs) => {
    const { keys, values, shared, mask } = inputs
    if (!fits(queries, inputs)) {
      const tensors = [queries, keys, values, shared?.keys, shared?.values, mask]
      const shapes = tensors.flatMap((tensor) => (tensor === undefined ? [] : [`[${tensor.shape}]`]))
      throw new ShapeError(`attention: ${shapes.join(', ')} do not belong together`)
    }
    const form = forms.find((one) => one.shared === (shared !== undefined) && one.mask === (mask !== undefined))!
    const [mixed] = run<Tensor[]>(tf, form.name, {
      queries,
      keys,
      values,
      ...(shared && { sharedKeys: shared.keys, sharedValues: shared.values }),
      ...(mask && { mask }),
    })
    return mixed!
  }
}

const fits = (queries: Tensor, { keys, values, shared, mask }: AttentionInputs<Tensor>): boolean => {
  const [runs = 0, rows, headDim] = queries.shape
  const [runsOfKeys, own = 0, widthOfKeys] = keys.shape
  const [sets = 1, sharedCount = 0, widthOfShared] = shared?.keys.shape ?? [1, 0, headDim]
  const [lots = 1, maskRows = 1, keysOfMask] = mask?.shape ?? [1, 1, sharedCount + own]
  return (
    queries.shape.length === 3 &&
    keys.shape.length === 3 &&
    runsOfKeys === runs &&
    widthOfKeys === headDim &&
    widthOfShared === headDim &&
    own + sharedCount > 0 &&
    values.shape.join() === keys.shape.join() &&
    shared?.keys.shape.join() === shared?.values.shape.join() &&
    runs % sets === 0 &&
    runs % lots === 0 &&
    (maskRows === 1 || maskRows === rows) &&
    keysOfMask === sharedCount + own
  )
}
