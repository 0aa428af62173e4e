import type { KernelChoice } from '@durian/backend-webgpu'
import { residualLinear, type Shape } from '@durian/core'
import { bytesOf, type KernelCase } from './kernelCase.ts'

/** Tiles in shared memory, tiles in the registers of one invocation without barriers, and tfjs's own. */
const everyForm: ReadonlyArray<KernelChoice> = ['shared-memory', 'barrier-free', 'stock']

interface Product {
  readonly name: string
  readonly m: number
  readonly k: number
  readonly n: number
  readonly batch?: number
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

const product = ({ name, m, k, n, batch, transposeA = false, transposeB = false }: Product): KernelCase => {
  const axes = batch === undefined ? [] : [batch]
  const a = [...axes, ...(transposeA ? [k, m] : [m, k])]
  const b = [...axes, ...(transposeB ? [n, k] : [k, n])]
  return {
    name,
    size: `${batch === undefined ? '' : `${batch} of `}${m} x ${k} x ${n}`,
    inputs: [a, b],
    run: ({ ops }, [x, y]) => ops.matmul(x!, y!, { transposeA, transposeB }),
    flop: 2 * (batch ?? 1) * m * k * n,
    bytes: bytesOf(a, b, [...axes, m, n]),
    kernels: everyForm,
  }
}

const linear = (m: number, k: number, n: number): KernelCase => {
  const [x, weight, bias, plus]: readonly [Shape, Shape, Shape, Shape] = [[m, k], [n, k], [n], [m, n]]
  return {
    name: 'linear with bias and residual',
    size: `${m} x ${k} x ${n}`,
    inputs: [x, weight, bias, plus],
    run: ({ ops }, [x, weight, bias, plus]) => residualLinear(ops, plus!, { x: x!, weight: weight!, bias }),
    flop: 2 * m * k * n + 2 * m * n,
    bytes: bytesOf(x, weight, bias, plus, plus),
    kernels: everyForm,
  }
}

/** The products of a training step and of a sampled token, of the models that are measured, and squares. */
export const matmulCases = (tiny: boolean): ReadonlyArray<KernelCase> => {
  const shrink = (size: number): number => (tiny ? Math.max(8, Math.ceil(size / 64)) : size)
  const products: ReadonlyArray<Product> = [
    ...[1024, 2048, 4096].map((side) => ({ name: 'matmul', m: side, k: side, n: side })),
    { name: 'matmul, linear forwards', m: 4608, k: 512, n: 2048, transposeB: true },
    { name: 'matmul, linear forwards', m: 4608, k: 1536, n: 6144, transposeB: true },
    { name: "matmul, gradient of a linear's input", m: 4608, k: 6144, n: 1536 },
    { name: "matmul, gradient of a linear's weight", m: 6144, k: 4608, n: 1536, transposeA: true },
    { name: 'matmul, both transposed', m: 2048, k: 2048, n: 2048, transposeA: true, transposeB: true },
    { name: 'matmul, batched', batch: 64, m: 256, k: 64, n: 256, transposeB: true },
    { name: 'matmul, head, a block of rows', m: 64, k: 1536, n: 151_936, transposeB: true },
    { name: 'matmul, one token of 32 rollouts', m: 32, k: 1536, n: 6144, transposeB: true },
    { name: 'matmul, head, one token of 32 rollouts', m: 32, k: 512, n: 32_768, transposeB: true },
  ]
  return [
    ...products.map(({ m, k, n, ...rest }) => product({ ...rest, m: shrink(m), k: shrink(k), n: shrink(n) })),
    linear(shrink(4608), shrink(1536), shrink(1536)),
  ]
}
