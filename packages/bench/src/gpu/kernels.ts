import { either as E } from 'fp-ts'
import { type Command, CannotRun, OutOfTime } from './command.ts'
import { openGpu } from './device.ts'
import { fusedCases } from './fusedCases.ts'
import { measureLimits } from './limits.ts'
import { matmulCases } from './matmulCases.ts'
import { bytesOf, type KernelCase } from './kernelCase.ts'
import { type KernelTime, measureKernel } from './measureKernel.ts'

/** Seconds that a case is assumed to need: with less left none begins. */
const ENOUGH_SECONDS = 5

const line = ({ name, size, kernels, ms, wallMs, gflops, gbs, ofArithmetic, ofBandwidth }: KernelTime): string =>
  [
    `${name}, ${size}`.padEnd(72),
    kernels.padEnd(14),
    `${ms.min.toFixed(3).padStart(9)} ms`,
    `(wall ${wallMs.toFixed(3)})`,
    `${gflops.toPrecision(3).padStart(8)} GFLOP/s ${(100 * ofArithmetic).toFixed(1).padStart(5)} %`,
    `${gbs.toPrecision(3).padStart(7)} GB/s ${(100 * ofBandwidth).toFixed(1).padStart(5)} %`,
  ].join('  ')

/** The first tensor of a case that no buffer of the device can hold. */
const tooLarge = ({ inputs }: KernelCase, most: number) => inputs.find((shape) => bytesOf(shape) > most)

/** The device's limits by two kernels, then every kernel beside them. */
export const kernels: Command = async ({ options, opened, deadline, result, say }) => {
  const { software, largestTensor } = opened.facts
  const limits = await measureLimits(opened.device, software)
  result.set('limits', limits)
  say(
    `copy ${limits.copyGBs.toFixed(1)} GB/s, multiply-adds ${limits.fmaGFLOPs.toFixed(0)} GFLOP/s, by ${limits.clock}`,
  )
  let device = opened
  let whole = true
  let late = 0
  for (const one of [...matmulCases(options.tiny), ...fusedCases(options.tiny)])
    for (const choice of one.kernels) {
      if (deadline.left() < 1000 * ENOUGH_SECONDS) {
        result.push('leftOut', { name: one.name, size: one.size, kernels: choice, reason: 'no time left' })
        late++
        continue
      }
      const large = tooLarge(one, largestTensor)
      try {
        if (large !== undefined)
          throw new Error(`[${large.join(', ')}] exceeds the device's largest buffer, ${largestTensor} bytes`)
        const time = await measureKernel(device, one, {
          choice,
          precision: options.precision,
          limits,
          enoughMs: options.tiny ? 20 : 300,
        })
        result.push('results', time)
        say(line(time))
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown)
        result.push('leftOut', { name: one.name, size: one.size, kernels: choice, reason })
        say(`${one.name}, ${one.size}, ${choice}: left out, ${reason}`)
        whole &&= large !== undefined
        // a device that failed once computes no more
        const again = await openGpu(options)()
        if (E.isLeft(again)) throw new CannotRun(again.left.reason)
        device = again.right
      }
    }
  if (whole && late > 0) throw new OutOfTime(`There was no time for ${late} measurements; the file names them.`)
  return whole
}
