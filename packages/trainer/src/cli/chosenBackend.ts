import { withNodeBackend, type Opened, type Preference } from '@durian/backend-node'
import { type Precision, withWebGpuBackend } from '@durian/backend-webgpu'
import type { WithBackend } from '@durian/core'
import { type Command, Option } from 'commander'
import { either as E } from 'fp-ts'
import { badInput, type TrainError } from '../errors.ts'
import { warn } from './lines.ts'
import { numberFlag } from './numberFlag.ts'

/** The values of `--backend`. 'auto' is TensorFlow where it is installed, else WASM; WebGPU comes only when asked for. */
export const backendChoices = ['auto', 'tensorflow', 'wasm', 'webgpu'] as const
export type BackendChoice = Preference | 'webgpu'

/** `--backend`, `--precision` and `--wasm_threads`, as commander hands them over. */
export interface BackendFlags {
  readonly backend: BackendChoice
  readonly precision: Precision
  readonly wasm_threads: string
}

/** The number in `--wasm_threads`. */
export const wasmThreadsOf = (text: string): E.Either<TrainError, number> =>
  numberFlag('wasm_threads', text, { kind: 'whole', least: 1, most: 64 })

export const addBackendFlags = (command: Command): Command =>
  command
    .addOption(new Option('--backend <name>', 'where to compute').choices(backendChoices).default('auto'))
    .addOption(
      new Option(
        '--precision <precision>',
        'with --backend webgpu, mixed keeps operands of products in float16 and adds them up in float32: less memory, log-probs off by about 1e-3',
      )
        .choices(['float32', 'mixed'])
        .default('float32'),
    )
    .option(
      '--wasm_threads <n>',
      'threads of the WASM backend, for cores that nothing else uses: 2 took about the time of 1 to sample, and on a busy machine up to 1.2 times that. Results do not depend on it',
      '1',
    )

/** Which backend the flags ask for. Left: a number of threads that is none, or that the backend has no use for, or a precision it has not. */
export const backendOf = ({
  backend: prefer,
  precision,
  wasm_threads: text,
}: BackendFlags): E.Either<TrainError, Omit<ChosenBackendOptions, 'onOpened'>> => {
  const wasmThreads = wasmThreadsOf(text)
  if (E.isLeft(wasmThreads)) return wasmThreads
  if (wasmThreads.right > 1 && prefer !== 'auto' && prefer !== 'wasm')
    return E.left(badInput(`--wasm_threads ${text} is for WASM; --backend ${prefer} has no use for it: leave it out.`))
  if (precision === 'mixed' && prefer !== 'webgpu')
    return E.left(
      badInput(
        `--precision mixed is for WebGPU, and --backend ${prefer} computes in float32: add --backend webgpu, or leave it out.`,
      ),
    )
  return E.right({ prefer, precision, wasmThreads: wasmThreads.right })
}

export interface ChosenBackendOptions {
  readonly prefer: BackendChoice
  readonly wasmThreads: number
  /** Of WebGPU; the others have float32 alone. */
  readonly precision?: Precision
  /** Told what was taken, before it is used. */
  readonly onOpened?: (opened: Pick<Opened, 'engine' | 'passedOver' | 'backend'>) => void
}

/** Run a program on the backend that was asked for. Threads for WASM are warned of where `auto` took another. */
export const withChosenBackend = ({
  prefer,
  wasmThreads,
  precision = 'float32',
  onOpened,
}: ChosenBackendOptions): WithBackend => {
  if (prefer === 'webgpu')
    return withWebGpuBackend({
      precision,
      onOpened: ({ backend }) => onOpened?.({ backend, engine: 'webgpu', passedOver: [] }),
    })
  return withNodeBackend({
    prefer,
    wasmThreads,
    onOpened: (opened) => {
      if (wasmThreads > 1 && opened.engine !== 'wasm')
        warn(`wasm_threads ${wasmThreads} does nothing here: ${opened.engine} computes; --backend wasm takes WASM.`)
      onOpened?.(opened)
    },
  })
}
