import { spawnSync } from 'node:child_process'
import type { GpuOptions } from './options.ts'

interface Part {
  readonly args: ReadonlyArray<string>
  /** Its share of the time: what it does not need goes to those behind it. */
  readonly share: number
}

const parts: ReadonlyArray<Part> = [
  { args: ['laws'], share: 6 },
  { args: ['step', '--model', 'demo'], share: 3 },
  { args: ['sample', '--model', 'demo'], share: 3 },
  { args: ['step', '--model', '100m'], share: 6 },
  { args: ['sample', '--model', '100m'], share: 5 },
  { args: ['kernels'], share: 10 },
  { args: ['step', '--model', '1b'], share: 12 },
  { args: ['sample', '--model', '1b'], share: 9 },
]

/** Seconds that a part may take past its limit before it is ended: its own clock cannot stop it in the middle of a program. */
const PATIENCE = 10

/** What a part begins with the same flags of everything else. */
const flagsOf = ({
  out,
  software,
  tiny,
  rounds,
  python,
  precision,
  checkpointing,
}: GpuOptions): ReadonlyArray<string> => [
  `--out=${out}`,
  `--rounds=${rounds}`,
  `--precision=${precision}`,
  ...(python === null ? ['--no-torch'] : [`--python=${python}`]),
  ...(software ? ['--software'] : []),
  ...(tiny ? ['--tiny'] : []),
  ...(checkpointing === null ? [] : [checkpointing ? '--checkpointing' : '--no-checkpointing']),
]

/** Limits of the parts from the time that is left: a part that ends early leaves its time to the others. */
export const limitOf = (index: number, secondsLeft: number): number => {
  const ahead = parts.slice(index).reduce((total, { share }) => total + share, 0)
  return Math.max(1, Math.floor((secondsLeft * parts[index]!.share) / ahead) - PATIENCE)
}

/** Every part in a process of its own: one that fails leaves the device to the next. Gives the number of those that failed. */
export const runAll = (options: GpuOptions, program: string, say: (line: string) => void): number => {
  const end = performance.now() + 1000 * options.limit
  let failed = 0
  for (const [index, { args }] of parts.entries()) {
    const limit = limitOf(index, (end - performance.now()) / 1000)
    say(`== ${args.join(' ')}, at most ${limit.toFixed(0)} s`)
    const { status } = spawnSync(process.execPath, [program, ...args, ...flagsOf(options), `--limit=${limit}`], {
      stdio: 'inherit',
      timeout: 1000 * (limit + PATIENCE),
      killSignal: 'SIGKILL',
    })
    if (status !== 0) failed++
    if (status === null) say('   ended from outside: its file holds what it had')
  }
  return failed
}
