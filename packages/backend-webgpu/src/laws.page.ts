import { either as E } from 'fp-ts'
import { openWebGpuBackend } from './index.browser.ts'
import { webGpuLaws } from './laws.ts'

/** A law that was checked, and what it said where it broke. */
export interface Verdict {
  readonly name: string
  readonly error: string | null
}

/** The page's answer to whoever opened it: the device and each law's verdict, or why there is no device. */
export type Verdicts = { readonly device: string; readonly laws: ReadonlyArray<Verdict> } | { readonly missing: string }

const verdicts = async (): Promise<Verdicts> => {
  const opened = await openWebGpuBackend({ device: 'software' })()
  if (E.isLeft(opened)) return { missing: opened.left.reason }
  const { backend, facts } = opened.right
  const laws: Array<Verdict> = []
  for (const { name, check } of webGpuLaws(backend)) {
    const error = await check().then(
      () => null,
      (thrown: unknown) => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)),
    )
    laws.push({ name, error })
  }
  return { device: facts.device, laws }
}

const scope = globalThis as { verdicts?: Promise<Verdicts> }
scope.verdicts = verdicts()
