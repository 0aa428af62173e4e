import { either as E } from 'fp-ts'
import { openWebGpuBackend } from './index.browser.ts'
import { webGpuLaws } from './laws.ts'

/** A law that was checked: what it said when it broke, and how long it took. */
export interface Verdict {
  readonly name: string
  readonly error: string | null
  readonly milliseconds: number
}

/** A page's answer to whoever opened it: the device it has, and each law's verdict. */
export interface Verdicts {
  readonly device: string
  readonly laws: ReadonlyArray<Verdict>
}

const check = async (): Promise<Verdicts> => {
  const opened = await openWebGpuBackend({ device: 'software' })()
  if (E.isLeft(opened)) throw new Error(opened.left.reason)
  const { backend, facts } = opened.right
  const laws: Array<Verdict> = []
  for (const { name, check } of webGpuLaws(backend)) {
    const began = performance.now()
    const error = await check().then(
      () => null,
      (thrown: unknown) => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)),
    )
    laws.push({ name, error, milliseconds: performance.now() - began })
  }
  return { device: facts.device, laws }
}

/** Read by the test that opens the page. */
const scope = globalThis as { verdicts?: Promise<Verdicts> }
scope.verdicts = check()
