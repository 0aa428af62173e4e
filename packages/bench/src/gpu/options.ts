import { parseArgs } from 'node:util'
import type { Precision } from '@durian/backend-webgpu'
import { UsageError } from '../options.ts'
import { type ModelName, modelNames } from './models.ts'

export const commandNames = ['laws', 'kernels', 'step', 'sample', 'all'] as const
export type CommandName = (typeof commandNames)[number]

export interface GpuOptions {
  readonly command: CommandName
  readonly model: ModelName
  /** Folder of the result files. */
  readonly out: string
  /** Accept a device that computes on the processor. */
  readonly software: boolean
  /** Two layers, a few tokens, small operands: to try the program on a slow device. */
  readonly tiny: boolean
  /** Seconds the command may take. */
  readonly limit: number
  readonly rounds: number
  /** The Python that may have PyTorch; null: do not look for one. */
  readonly python: string | null
  /** Of products' operands on our side. */
  readonly precision: Precision
  /** Overrides the model's own choice. */
  readonly checkpointing: boolean | null
}

export const gpuUsage = `usage: run.sh laws|kernels|step|sample|all [--model demo|100m|1b] [--out DIR]
  laws     the list of laws on this device, with the kernels of each kind
  kernels  each kernel: time, GFLOP/s, GB/s, share of what the device can do
  step     a training step of --model, beside PyTorch where there is one
  sample   sampling of --model, beside PyTorch where there is one
  all      all of these, of all models, together within the limit
--out DIR        where the result files go (default: results)
--limit SECONDS  stop in time and keep what there is (default: 540)
--rounds N       timed rounds (default: 5)
--python PATH    a Python with PyTorch 2 (default: python3); --no-torch: without
--precision P    float32 (default), or mixed: operands of products in float16, sums in float32
--checkpointing, --no-checkpointing   of the step (default: 1b has it)
--software       accept a device that computes on the processor
--tiny           two layers, a few tokens, small operands: to try the program`

/** @throws UsageError, with a sentence that names the flag */
export const parseGpuOptions = (args: ReadonlyArray<string>): GpuOptions | 'help' => {
  const flags = {
    model: { type: 'string', default: 'demo' },
    out: { type: 'string', default: 'results' },
    limit: { type: 'string', default: '540' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
    'no-torch': { type: 'boolean', default: false },
    precision: { type: 'string', default: 'float32' },
    checkpointing: { type: 'boolean', default: false },
    'no-checkpointing': { type: 'boolean', default: false },
    software: { type: 'boolean', default: false },
    tiny: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: [...args], options: flags, allowPositionals: true })
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error))
    }
  })()
  if (values.help || positionals.length === 0) return 'help'
  const [name, ...others] = positionals
  const command = commandNames.find((one) => one === name)
  if (command === undefined) throw new UsageError(`${name}: there is ${commandNames.join(', ')}`)
  if (others.length > 0) throw new UsageError(`${others[0]}: one command at a time`)
  const model = modelNames.find((one) => one === values.model)
  if (model === undefined) throw new UsageError(`--model ${values.model}: there is ${modelNames.join(', ')}`)
  const precision = (['float32', 'mixed'] as const).find((one) => one === values.precision)
  if (precision === undefined) throw new UsageError(`--precision ${values.precision}: there is float32, mixed`)
  if (values.checkpointing && values['no-checkpointing'])
    throw new UsageError('--checkpointing and --no-checkpointing contradict each other')
  return {
    command,
    model,
    out: values.out,
    software: values.software,
    tiny: values.tiny,
    limit: positive('limit', values.limit),
    rounds: Math.ceil(positive('rounds', values.rounds)),
    python: values['no-torch'] ? null : values.python,
    precision,
    checkpointing: values.checkpointing ? true : values['no-checkpointing'] ? false : null,
  }
}

const positive = (flag: string, text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${flag} ${text} is not a positive number`)
  return value
}
