import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type LineProcess, openLineProcess } from '../peers/lineProcess.ts'
import type { GpuModel } from './models.ts'
import type { StepNumbers, WeightOf } from './subject.ts'
import { writeTorchFolder } from './torchFolder.ts'

export const precisions = ['float32', 'bfloat16'] as const
export type Precision = (typeof precisions)[number]

/** PyTorch on the same model and batch, in one precision. */
export interface TorchPeer {
  readonly precision: Precision
  readonly description: string
  readonly step: () => Promise<StepNumbers & { readonly ms: number }>
  readonly sample: (prompts: number, tokens: number) => Promise<{ readonly ms: number }>
}

export interface TorchPeers {
  readonly peers: ReadonlyArray<TorchPeer>
  /** Who could not take part, and why. */
  readonly leftOut: Readonly<Record<string, string>>
  readonly close: () => void
}

/** Where the program lies: beside the bundle in the archive, in `peers/` of a checkout. */
const program = (): string => {
  const besideBundle = fileURLToPath(new URL('./torch_policy.py', import.meta.url))
  return existsSync(besideBundle)
    ? besideBundle
    : fileURLToPath(new URL('../../peers/torch_policy.py', import.meta.url))
}

/** A process for each precision. Without Python, PyTorch or memory it is left out with the reason, and the others go on. */
export const openTorch = async (
  python: string,
  model: GpuModel,
  options: { readonly weight: WeightOf; readonly training: boolean },
): Promise<TorchPeers> => {
  const leftOut: Record<string, string> = {}
  const opened: Array<readonly [Precision, LineProcess]> = []
  for (const precision of precisions) {
    const process = await openLineProcess(python, [program(), precision])
    if ('reason' in process) leftOut[precision] = process.reason
    else opened.push([precision, process])
  }
  const ask = async (process: LineProcess, question: object): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await process.ask(question)
    if (typeof answer['failed'] === 'string') throw new Error(answer['failed'])
    return answer
  }
  const peers: TorchPeer[] = []
  if (opened.length > 0) {
    const { folder, remove } = writeTorchFolder(model, options)
    try {
      for (const [precision, process] of opened) {
        try {
          await ask(process, { do: 'load', folder })
        } catch (thrown) {
          leftOut[precision] = (thrown as Error).message
          continue
        }
        peers.push({
          precision,
          description: process.description,
          step: async () => {
            const { ms, value } = await ask(process, { do: 'train' })
            return { ...(value as StepNumbers), ms: Number(ms) }
          },
          sample: async (prompts, tokens) => ({
            ms: Number((await ask(process, { do: 'sample', prompts, tokens }))['ms']),
          }),
        })
      }
    } finally {
      remove()
    }
  }
  return { peers, leftOut, close: () => opened.forEach(([, process]) => process.close()) }
}

/** How far two policies that should be one may be apart, relative to the size of the number where that is above 1. */
const TOLERANCES = { nll: 1e-4, entropy: 1e-4, gradNorm: 2e-3 } as const satisfies Readonly<
  Record<keyof StepNumbers, number>
>

/** What differs by more than float32's rounding in another order explains; undefined where nothing does. */
export const difference = (ours: StepNumbers, theirs: StepNumbers): string | undefined => {
  const wrong = (Object.keys(TOLERANCES) as ReadonlyArray<keyof StepNumbers>).filter(
    (name) => !(Math.abs(ours[name] - theirs[name]) <= TOLERANCES[name] * Math.max(1, Math.abs(theirs[name]))),
  )
  return wrong.length === 0
    ? undefined
    : wrong.map((name) => `${name} is ${ours[name]} here and ${theirs[name]} there`).join(', ')
}
