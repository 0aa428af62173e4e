import type { KernelChoice } from '@durian/backend-webgpu'
import { type Backend, type Shape, sizeOf } from '@durian/core'
import { bytesOf, type KernelCase, sizeText } from './kernelCase.ts'

/** Fused kernels are written in two ways; tfjs's own are not one kernel each, so they have no place here. */
const bothWays: ReadonlyArray<KernelChoice> = ['shared-memory', 'barrier-free']

type Program = <T>(backend: Backend<T>, inputs: ReadonlyArray<T>) => T

interface Described {
  readonly name: string
  readonly inputs: ReadonlyArray<Shape>
  /** Leading inputs that are differentiated; the others are constants. */
  readonly moving: number
  readonly output: Shape
  readonly run: Program
  /** Floating point operations of one element of the output; exponentials and roots count as one. */
  readonly flop: number
  /** The same of the gradient's kernels. */
  readonly gradFlop?: number
}

/** A program alone, and with its gradient: of all moving inputs from one cotangent. */
const withGradient = ({ name, inputs, moving, output, run, flop, gradFlop }: Described): ReadonlyArray<KernelCase> => {
  const size = sizeText(inputs)
  const work = sizeOf(output)
  const forward = bytesOf(...inputs, output)
  const alone: KernelCase = { name, size, inputs, run, flop: flop * work, bytes: forward, kernels: bothWays }
  if (gradFlop === undefined) return [alone]
  return [
    alone,
    {
      name: `${name}, forward and backward`,
      size,
      inputs: [...inputs, output],
      run: (backend, given) => {
        const cotangent = given.at(-1)!
        const fixed = given.slice(moving, -1)
        return backend.gradients.vjp((watched) => run(backend, [...watched, ...fixed]))(
          given.slice(0, moving),
          cotangent,
        )
      },
      flop: (flop + gradFlop) * work,
      // read again beside the cotangent; one gradient for each that moves
      bytes: forward + bytesOf(...inputs, output, ...inputs.slice(0, moving)),
      kernels: bothWays,
    },
  ]
}

const fusedOf = <T>({ ops }: Backend<T>) => ops.fused as Required<NonNullable<typeof ops.fused>>

interface AttentionSizes {
  readonly what: string
  readonly runs: number
  readonly queries: number
  readonly own: number
  /** Keys that `perShared` neighbouring runs share. */
  readonly shared?: number
  readonly perShared?: number
  /** Neighbouring runs under one mask; absent: none. */
  readonly perMask?: number
  readonly width: number
}

/** 4 operations a query, key and number of a head forwards, 10 backwards: five products instead of two. What a mask hides is counted too. */
const attention = (sizes: AttentionSizes): ReadonlyArray<KernelCase> => {
  const { what, runs, queries, own, shared, perShared = 1, perMask, width } = sizes
  const keys = own + (shared ?? 0)
  const q: Shape = [runs, queries, width]
  const mine: Shape = [runs, own, width]
  const theirs: Shape = [runs / perShared, shared ?? 0, width]
  const given = [q, mine, mine, ...(shared === undefined ? [] : [theirs, theirs])]
  return withGradient({
    name: `attention, ${what}`,
    inputs: [...given, ...(perMask === undefined ? [] : [[runs / perMask, queries, keys]])],
    moving: given.length,
    output: q,
    run: (backend, [queries, keys, values, ...rest]) =>
      fusedOf(backend).attention(queries!, {
        keys: keys!,
        values: values!,
        ...(shared === undefined ? {} : { shared: { keys: rest[0]!, values: rest[1]! } }),
        ...(perMask === undefined ? {} : { mask: rest.at(-1)! }),
      }),
    flop: 4 * keys,
    gradFlop: 10 * keys,
  })
}

/** One number per row at places that are spread over the table. */
const places = (count: number, of: number): Int32Array => Int32Array.from({ length: count }, (_, i) => (i * 7919) % of)

const adamwNumbers = {
  keepFirst: 0.9,
  takeFirst: 0.1,
  keepSecond: 0.999,
  takeSecond: 0.001,
  rate: 1e-5,
  guard: 1e-8,
  shrink: 1,
}

/** Every fused kernel on sizes of the models that are measured. */
export const fusedCases = (tiny: boolean): ReadonlyArray<KernelCase> => {
  const shrink = (size: number, by = 64): number => (tiny ? Math.max(4, Math.ceil(size / by)) : size)
  const rows = shrink(4608)
  const [width, inner] = [shrink(1536), shrink(6144)]
  const vocabulary = shrink(151_936, 1024)
  const [layer, wide]: readonly [Shape, Shape] = [
    [rows, width],
    [rows, inner],
  ]
  const big: Shape = [shrink(8192), shrink(4096)]
  const several: ReadonlyArray<Shape> = Array.from({ length: 6 }, () => [inner, width])
  const length = shrink(128, 16)
  const decoded = {
    rollouts: tiny ? 2 : 32,
    prompts: tiny ? 1 : 4,
    keys: shrink(1024, 64),
    heads: 12,
    kvHeads: 2,
    width: 128,
  }
  const perToken = (decoded.heads + 2 * decoded.kvHeads) * decoded.width
  const promptKeys: Shape = [decoded.prompts * decoded.kvHeads, decoded.keys, decoded.width]
  const angles: Shape = [decoded.rollouts, 1, decoded.width]
  const mixed: Shape = [decoded.rollouts, decoded.heads * decoded.width]
  return [
    ...withGradient({
      name: 'rmsNorm',
      inputs: [layer, [width]],
      moving: 2,
      output: layer,
      run: (backend, [x, weight]) => fusedOf(backend).rmsNorm(x!, weight!, 1e-6),
      flop: 4,
      gradFlop: 9,
    }),
    ...withGradient({
      name: 'swiglu',
      inputs: [wide, wide],
      moving: 2,
      output: wide,
      run: (backend, [gate, up]) => fusedOf(backend).swiglu(gate!, up!),
      flop: 5,
      gradFlop: 11,
    }),
    ...withGradient({
      name: 'rotary',
      inputs: [layer, [rows, 1, shrink(128)], [rows, 1, shrink(128)]],
      moving: 1,
      output: layer,
      run: (backend, [x, cos, sin]) => fusedOf(backend).rotary(x!, cos!, sin!),
      flop: 3,
      gradFlop: 3,
    }),
    ...withGradient({
      name: 'softmax',
      inputs: [[rows, shrink(1024)]],
      moving: 1,
      output: [rows, shrink(1024)],
      run: ({ ops }, [x]) => ops.softmax(x!),
      flop: 5,
      gradFlop: 4,
    }),
    ...withGradient({
      name: 'scores of chosen tokens',
      inputs: [[shrink(64), vocabulary]],
      moving: 1,
      output: [shrink(64)],
      run: ({ ops }, [logits]) => ops.selectiveLogSoftmax(logits!, places(shrink(64), vocabulary)).logprob,
      flop: 6 * vocabulary,
      gradFlop: 3 * vocabulary,
    }),
    ...withGradient({
      name: 'embedding',
      inputs: [[shrink(32_768), shrink(512)]],
      moving: 1,
      output: [rows, shrink(512)],
      run: ({ ops }, [table]) => ops.embedding(table!, places(rows, shrink(32_768))),
      flop: 0,
      gradFlop: 1,
    }),
    ...[0, 1].flatMap((axis) =>
      withGradient({
        name: `sum over axis ${axis}`,
        inputs: [layer],
        moving: 1,
        output: axis === 0 ? [1, width] : [rows, 1],
        run: ({ ops }, [x]) => ops.sum(x!, axis),
        flop: axis === 0 ? rows : width,
      }),
    ),
    ...[64, 128].flatMap((head) => [
      // four prompts of two key heads; the query heads of a key head lie in the rows
      ...attention({
        what: `prompts, heads of ${head}`,
        runs: 8,
        queries: 4 * length,
        own: length,
        perMask: 8,
        width: head,
      }),
      ...attention({
        what: `rollouts over their prompt, heads of ${head}`,
        runs: 64,
        queries: 4 * length,
        own: length,
        shared: length,
        perShared: 8,
        perMask: 16,
        width: head,
      }),
    ]),
    ...attention({
      what: 'vision windows',
      runs: tiny ? 4 : 256,
      queries: shrink(64, 8),
      own: shrink(64, 8),
      width: 64,
    }),
    ...attention({
      what: 'vision, whole pictures',
      runs: tiny ? 4 : 64,
      queries: shrink(256, 16),
      own: shrink(256, 16),
      width: 64,
    }),
    {
      name: 'attention, one token of each rollout',
      size: `${decoded.rollouts} rollouts over ${decoded.keys} keys, ${decoded.heads} heads of ${decoded.width}`,
      inputs: [[decoded.rollouts, perToken], angles, angles, promptKeys, promptKeys],
      run: (backend, [qkv, cos, sin, keys, values]) =>
        fusedOf(backend).decodingAttention(
          { qkv: qkv!, cos: cos!, sin: sin! },
          { keys: keys!, values: values!, lengths: new Array<number>(decoded.prompts).fill(decoded.keys) },
          { cache: null, length: 0 },
        ),
      flop: 4 * decoded.rollouts * decoded.heads * decoded.width * (decoded.keys + 1),
      bytes: bytesOf([decoded.rollouts, perToken], angles, angles, promptKeys, promptKeys, mixed),
      kernels: bothWays,
    },
    {
      name: 'tokens drawn',
      size: sizeText([[decoded.rollouts, vocabulary]]),
      inputs: [[decoded.rollouts, vocabulary]],
      run: (backend, [logits]) =>
        fusedOf(backend).drawTokens(
          logits!,
          Array.from({ length: decoded.rollouts }, (_, i) => (i + 0.5) / decoded.rollouts),
          { temperature: 1, topP: 1, topK: 0, banned: new Set() },
        ),
      flop: 6 * decoded.rollouts * vocabulary,
      bytes: bytesOf([decoded.rollouts, vocabulary]),
      kernels: bothWays,
    },
    {
      name: 'clip',
      size: sizeText([big]),
      inputs: [big],
      run: ({ ops }, [x]) => ops.clip(x!, -0.5, 0.5),
      flop: 2 * sizeOf(big),
      bytes: bytesOf(big, big),
      kernels: bothWays,
    },
    {
      name: 'AdamW',
      size: sizeText([big]),
      inputs: [big, big, big, big],
      run: (backend, [param, grad, first, second]) =>
        fusedOf(backend).adamW(param!, grad!, { first: first!, second: second! }, adamwNumbers),
      flop: 12 * sizeOf(big),
      bytes: bytesOf(big, big, big, big, big, big, big),
      kernels: bothWays,
    },
    {
      name: 'squared norm of six tensors',
      size: sizeText(several),
      inputs: several,
      run: (backend, xs) => fusedOf(backend).squaredNorm(xs),
      flop: 2 * several.reduce((total, shape) => total + sizeOf(shape), 0),
      bytes: bytesOf(...several),
      kernels: bothWays,
    },
    {
      name: 'six tensors scaled',
      size: sizeText(several),
      inputs: [...several, []],
      run: (backend, xs) => fusedOf(backend).scaled(xs.slice(0, -1), xs.at(-1)!),
      flop: several.reduce((total, shape) => total + sizeOf(shape), 0),
      bytes: 2 * bytesOf(...several),
      kernels: bothWays,
    },
  ]
}
