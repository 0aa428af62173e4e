import type { KernelChoice, OpenedWebGpu, Precision } from '@durian/backend-webgpu'
import { spreadOf, type Spread } from '../stats.ts'
import type { KernelCase } from './kernelCase.ts'
import { type Clock, clockOf } from './deviceTime.ts'
import type { MeasuredLimits } from './limits.ts'
import { hashed } from './seeded.ts'
import { sizeOf } from '@durian/core'
import { either as E } from 'fp-ts'

export interface KernelTime {
  readonly name: string
  readonly size: string
  readonly kernels: KernelChoice
  /** Programs of one run. */
  readonly dispatches: number
  /** Of one run: what the device was busy with its programs, or, without a clock of its own, as `wallMs`. */
  readonly ms: Spread
  readonly clock: Clock
  /** Of one of many runs behind one another, JavaScript and encoding included. */
  readonly wallMs: number
  /** Of the fastest run. */
  readonly gflops: number
  readonly gbs: number
  /** Parts of what the device can do by `limits`: of its multiply-adds, of its copy. The larger says what holds the kernel up. */
  readonly ofArithmetic: number
  readonly ofBandwidth: number
}

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, x) => total + x, 0)

/** Runs of one kernel: some to warm up, some timed program by program, many behind one another. */
export const measureKernel = async (
  { kernels, device }: OpenedWebGpu,
  one: KernelCase,
  {
    choice,
    precision,
    limits,
    enoughMs,
  }: {
    readonly choice: KernelChoice
    readonly precision: Precision
    readonly limits: MeasuredLimits
    readonly enoughMs: number
  },
): Promise<KernelTime> => {
  const backend = kernels.use(choice, precision)
  const { ops, memory, transfer } = backend
  const inputs = one.inputs.map((shape, i) => ops.fromHost({ shape, data: hashed(`input ${i}`, sizeOf(shape)) }))
  const marker = ops.fromHost({ shape: [1], data: [1] })
  /** Waits for everything before it: programs run in the order they were given. */
  const drained = async (): Promise<void> => {
    const last = memory.scope(() => ops.neg(marker))
    const read = await transfer.read(last)()
    memory.free(last)
    if (E.isLeft(read)) throw new Error(read.left.reason)
  }
  const run = (): void =>
    void memory.scope(() => {
      one.run(backend, inputs)
      return null
    })
  try {
    const before = kernels.dispatches()
    run()
    const dispatches = kernels.dispatches() - before
    await drained()
    const began = performance.now()
    run()
    await drained()
    const about = performance.now() - began

    const clock = clockOf(device)
    const runs = Math.max(3, Math.min(20, Math.floor(enoughMs / Math.max(about, 0.1))))
    const busy: number[] = []
    for (let i = 0; clock === 'timestamp-query' && i < runs; i++) {
      const programs = await kernels.profile(() => Promise.resolve(run()))
      busy.push(sum(programs.map(({ ms }) => ms)))
    }
    const many = Math.max(1, Math.min(100, Math.floor(enoughMs / Math.max(about, 0.1))))
    const start = performance.now()
    for (let i = 0; i < many; i++) run()
    await drained()
    const wallMs = (performance.now() - start) / many

    const ms = spreadOf(clock === 'wall' ? [wallMs] : busy)
    const rate = (amount: number): number => amount / ms.min / 1e6
    return {
      name: one.name,
      size: one.size,
      kernels: choice,
      dispatches,
      ms,
      clock,
      wallMs,
      gflops: rate(one.flop),
      gbs: rate(one.bytes),
      ofArithmetic: rate(one.flop) / limits.fmaGFLOPs,
      ofBandwidth: rate(one.bytes) / limits.copyGBs,
    }
  } finally {
    memory.free([inputs, marker])
  }
}
