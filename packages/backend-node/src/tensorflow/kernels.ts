import { attentionKernels, type Tf } from '@durian/backend-tfjs'
import type { TensorInfo } from '../wasm/heap.ts'
import type { KernelFunc } from '../wasm/kernel.ts'
import { executor, type Attribute, type NodeKernelBackend } from './execute.ts'

/**
 * Registers kernels of our own on tfjs's tensorflow backend. `native`: the operations of `native/*.cc` are in the process.
 * The registry is global, so this holds for the whole process.
 */
export const installKernels = (tf: Tf, backend: NodeKernelBackend, { native }: { readonly native: boolean }): void => {
  const kernels = { ...stockKernels(tf, backend), ...(native ? nativeKernels(backend) : {}) }
  const registered = new Set(tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName))
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    if (registered.has(kernelName)) tf.unregisterKernel(kernelName, 'tensorflow')
    tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc: kernelFunc as never })
  }
}

const LARGE = 2 ** 20
const FEW_ROWS = 128

/**
 * Whether a b^T, [M, K] x [N, K], is faster as the transpose of b a^T: TensorFlow lays its second operand out anew for each product, which
 * costs more than the product when that is a large weight and the first has few rows (11008 x 2048: 16 ms instead of 226 for 2 rows,
 * 30 instead of 107 for 32). One row has a way of its own.
 */
const isFewRows = (a: TensorInfo, b: TensorInfo): boolean => {
  const [rows = 0] = a.shape
  return (
    a.shape.length === 2 && b.shape.length === 2 && rows > 1 && rows <= FEW_ROWS && b.shape[0]! * b.shape[1]! >= LARGE
  )
}

/** So many are kept: each sampled token brings a few new shapes, and the next batch meets them again. */
const CONSTANTS = 4096

/** tfjs-node's own kernels with less around them. */
const stockKernels = (tf: Tf, backend: NodeKernelBackend): Readonly<Record<string, KernelFunc>> => {
  const { binding } = backend
  const execute = executor(backend)
  const stock = (name: string): KernelFunc => {
    const { kernelFunc } = tf.getKernel(name, 'tensorflow')
    return ({ inputs, attrs }) => kernelFunc({ inputs: inputs as never, attrs: attrs as never, backend: backend })
  }
  const type = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value })
  const float = type('T', binding.TF_FLOAT)
  const indices = ['Tshape', 'Tperm', 'Tidx', 'Index'].map((name) => type(name, binding.TF_INT32))
  const [shapeType, permutationType, axisType, indexType] = indices as [Attribute, Attribute, Attribute, Attribute]
  const adjoint = [false, true].map((value) => ({ name: 'adj_x', type: binding.TF_ATTR_BOOL, value }))
  const adjointOther = adjoint.map((attribute) => ({ ...attribute, name: 'adj_y' }))
  const products = adjoint.map((x) => adjointOther.map((y) => [float, x, y]))
  const constant = constants(backend)
  /** With our own way for float32 and tfjs-node's for the rest. */
  const faster = (name: string, own: KernelFunc): Readonly<Record<string, KernelFunc>> => {
    const other = stock(name)
    return {
      [name]: (call) => {
        for (const input of Object.values(call.inputs)) if (input.dtype !== 'float32') return other(call)
        return own(call)
      },
    }
  }
  const binary = (name: string, operation: string): Readonly<Record<string, KernelFunc>> =>
    faster(name, ({ inputs }) => execute(operation, [inputs['a']!, inputs['b']!], { attributes: [float] })[0]!)
  return {
    ...binary('Add', 'Add'),
    ...binary('Sub', 'Sub'),
    ...binary('Multiply', 'Mul'),
    ...binary('RealDiv', 'RealDiv'),
    ...faster('BatchMatMul', ({ inputs, attrs }) => {
      const attributes = products[attrs['transposeA'] === true ? 1 : 0]![attrs['transposeB'] === true ? 1 : 0]!
      if (attrs['transposeA'] !== true && attrs['transposeB'] === true && isFewRows(inputs['a']!, inputs['b']!)) {
        const across = execute('BatchMatMulV2', [inputs['b']!, inputs['a']!], { attributes })[0]! // [N, M]
        const turned = execute('Transpose', [across], {
          attributes: [float, permutationType],
          constants: [constant.list([1, 0])],
        })[0]!
        backend.disposeData(across.dataId, true)
        return turned
      }
      return execute('BatchMatMulV2', [inputs['a']!, inputs['b']!], { attributes })[0]!
    }),
    ...faster('Reshape', ({ inputs, attrs }) => {
      const shape = constant.list(attrs['shape'] as number[])
      return execute('Reshape', [inputs['x']!], { attributes: [float, shapeType], constants: [shape] })[0]!
    }),
    ...faster('Transpose', ({ inputs, attrs }) => {
      const permutation = constant.list(attrs['perm'] as number[])
      return execute('Transpose', [inputs['x']!], {
        attributes: [float, permutationType],
        constants: [permutation],
      })[0]!
    }),
    ...faster('Slice', ({ inputs, attrs }) => {
      const place = [constant.list(attrs['begin'] as number[]), constant.list(attrs['size'] as number[])]
      return execute('Slice', [inputs['x']!], { attributes: [float, indexType], constants: place })[0]!
    }),
    ...faster('Concat', ({ inputs, attrs }) => {
      const parts = Object.values(inputs)
      const attributes = [{ name: 'N', type: binding.TF_ATTR_INT, value: parts.length }, float, axisType]
      return execute('ConcatV2', parts, { attributes, constants: [constant.scalar(attrs['axis'] as number)] })[0]!
    }),
  }
}

/** Shapes and axes as tensors, each made once; the one that was not asked for the longest goes first. */
const constants = (backend: NodeKernelBackend) => {
  const { binding } = backend
  const made = new Map<string, number>() // in order of the last question
  const once = (key: string, make: () => number): number => {
    const id = made.get(key) ?? make()
    made.delete(key)
    made.set(key, id)
    if (made.size > CONSTANTS) {
      const [oldest, forgotten] = made.entries().next().value!
      made.delete(oldest)
      binding.deleteTensor(forgotten)
    }
    return id
  }
  const tensor = (shape: ReadonlyArray<number>, values: ReadonlyArray<number>): number =>
    binding.createTensor(shape, binding.TF_INT32, Int32Array.from(values))
  return {
    list: (values: ReadonlyArray<number>): number => once(values.join(), () => tensor([values.length], values)),
    scalar: (value: number): number => once(`scalar ${value}`, () => tensor([], [value])),
  }
}

/** Up to here our product beats TensorFlow's by up to a third; above the two are equals on one thread. One row has a way of its own there. */
const ROWS_OF_OURS = 512

/** The operations of `native/*.cc`: one pass over memory, where the composed kernels take one an operation. */
const nativeKernels = (backend: NodeKernelBackend): Readonly<Record<string, KernelFunc>> => {
  const { binding } = backend
  const execute = executor(backend)
  const named = (inputs: Readonly<Record<string, TensorInfo>>, names: ReadonlyArray<string>): TensorInfo[] =>
    names.map((name) => inputs[name]!)
  const plain =
    (name: string, names: ReadonlyArray<string>): KernelFunc =>
    ({ inputs }) =>
      execute(name, named(inputs, names))[0]!
  const pair =
    (name: string, names: ReadonlyArray<string>): KernelFunc =>
    ({ inputs }) =>
      execute(name, named(inputs, names), { outputs: 2 })
  const epsilons = new Map<number, ReadonlyArray<Attribute>>()
  const epsilon = (value: number): ReadonlyArray<Attribute> => {
    const known = epsilons.get(value) ?? [{ name: 'epsilon', type: binding.TF_ATTR_FLOAT, value }]
    epsilons.set(value, known)
    return known
  }
  /** Run with numbers of the host as last input, which is freed behind. */
  const withNumbers = <A>(values: Int32Array | Float32Array, use: (constants: ReadonlyArray<number>) => A): A => {
    const dtype = values instanceof Int32Array ? binding.TF_INT32 : binding.TF_FLOAT
    const id = backend.binding.createTensor([values.length], dtype, values)
    try {
      return use([id])
    } finally {
      backend.binding.deleteTensor(id)
    }
  }
  const constant = constants(backend)
  /** Tensors in the order of core's `AttentionInputs`, those that there are; two numbers behind them say which. */
  const attention =
    (name: string, behind: ReadonlyArray<string>, outputs: number): KernelFunc =>
    ({ inputs }) => {
      const has = ['sharedKeys', 'mask'].map((input) => (inputs[input] === undefined ? 0 : 1))
      const names = ['queries', 'keys', 'values', 'sharedKeys', 'sharedValues', 'mask', ...behind]
      const tensors = names.flatMap((input) => inputs[input] ?? [])
      const attributes = [{ name: 'N', type: binding.TF_ATTR_INT, value: tensors.length }]
      const made = execute(name, tensors, { attributes, constants: [constant.list(has)], outputs })
      // without shared keys their gradients are empty, and nobody asks for them
      const wanted = outputs === 5 && has[0] === 0 ? 3 : outputs
      for (const { dataId } of made.slice(wanted)) backend.disposeData(dataId, true)
      return made.slice(0, wanted)
    }
  const float: Attribute = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }
  const timesTransposed = [float, { name: 'adj_y', type: binding.TF_ATTR_BOOL, value: true }]
  /** x weight^T, and a bias and a residual stream added where there are. */
  const linear: KernelFunc = ({ inputs }) => {
    const [x, weight] = [inputs['x']!, inputs['weight']!]
    const added = ['bias', 'plus'].flatMap((name) => inputs[name] ?? [])
    const rows = x.shape[0]!
    if (rows > 1 && rows <= ROWS_OF_OURS) {
      const has = ['bias', 'plus'].map((name) => (inputs[name] === undefined ? 0 : 1))
      const attributes = [{ name: 'N', type: binding.TF_ATTR_INT, value: 2 + added.length }]
      return execute('DurianLinear', [x, weight, ...added], { attributes, constants: [constant.list(has)] })[0]!
    }
    let y = execute('BatchMatMulV2', [x, weight], { attributes: timesTransposed })[0]!
    for (const one of added) {
      const sum = execute('Add', [y, one], { attributes: [float] })[0]!
      backend.disposeData(y.dataId, true)
      y = sum
    }
    return y
  }
  return {
    DurianLinear: linear,
    DurianEmbedding: ({ inputs, attrs }) =>
      withNumbers(
        attrs['ids'] as Int32Array,
        (constants) => execute('DurianEmbedding', [inputs['table']!], { constants })[0]!,
      ),
    DurianEmbeddingGrad: ({ inputs, attrs }) => {
      const rows = constant.list([attrs['rows'] as number])
      return withNumbers(
        attrs['ids'] as Int32Array,
        (ids) => execute('DurianEmbeddingGrad', [inputs['dy']!], { constants: [...ids, rows] })[0]!,
      )
    },
    ...Object.fromEntries(attentionKernels.map((name) => [name, attention('DurianAttention', [], 2)])),
    DurianAttentionGrad: attention('DurianAttentionGrad', ['dy', 'out', 'logTotal'], 5),
    DurianRmsNorm: ({ inputs, attrs }) =>
      execute('DurianRmsNorm', named(inputs, ['x', 'weight']), {
        attributes: epsilon(attrs['epsilon'] as number),
      })[0]!,
    DurianRmsNormGrad: ({ inputs, attrs }) =>
      execute('DurianRmsNormGrad', named(inputs, ['dy', 'x', 'weight']), {
        attributes: epsilon(attrs['epsilon'] as number),
        outputs: 2,
      }),
    DurianSwiglu: plain('DurianSwiglu', ['gate', 'up']),
    DurianSwigluGrad: pair('DurianSwigluGrad', ['dy', 'gate', 'up']),
    DurianSoftmax: plain('DurianSoftmax', ['x']),
    DurianSoftmaxGrad: plain('DurianSoftmaxGrad', ['dy', 'y']),
    DurianRotary: plain('DurianRotary', ['x', 'cos', 'sin']),
    DurianRotaryGrad: plain('DurianRotaryGrad', ['dy', 'cos', 'sin']),
    DurianSelectiveLogSoftmax: ({ inputs, attrs }) =>
      withNumbers(attrs['ids'] as Int32Array, (constants) =>
        execute('DurianSelectiveLogSoftmax', [inputs['logits']!], { constants, outputs: 2 }),
      ),
    DurianSelectiveLogSoftmaxGrad: ({ inputs, attrs }) =>
      withNumbers(
        attrs['ids'] as Int32Array,
        (constants) => execute('DurianSelectiveLogSoftmaxGrad', named(inputs, ['dy', 'logits']), { constants })[0]!,
      ),
    DurianAdamW: ({ inputs, attrs }) => {
      const order = ['keepFirst', 'takeFirst', 'keepSecond', 'takeSecond', 'rate', 'guard', 'shrink']
      const numbers = Float32Array.from(order, (name) => attrs[name] as number)
      return withNumbers(numbers, (constants) =>
        execute('DurianAdamW', named(inputs, ['p', 'g', 'm', 'v']), { constants, outputs: 3 }),
      )
    },
    DurianDecodingAttention: ({ inputs, attrs }) => {
      const first = named(inputs, ['qkv', 'cos', 'sin', 'promptKeys', 'promptValues'])
      return withNumbers(attrs['lengths'] as Int32Array, (lengths) =>
        execute('DurianDecodingAttention', first, {
          constants: [...lengths, ...backend.getInputTensorIds([inputs['cache']!])],
        }),
      )[0]!
    },
    DurianDecodingRoom: ({ inputs, attrs }) =>
      withNumbers(
        attrs['numbers'] as Int32Array,
        (constants) => execute('DurianDecodingRoom', [inputs['cache']!], { constants })[0]!,
      ),
    DurianSquaredNorm: ({ inputs }) => {
      const xs = Object.values(inputs)
      const attributes = [{ name: 'N', type: binding.TF_ATTR_INT, value: xs.length }]
      return execute('DurianSquaredNorm', xs, { attributes })[0]!
    },
  }
}
