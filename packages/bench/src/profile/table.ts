import type { ProfileEntry } from '@durian/backend-node'

/** One piece of work, run once with every kernel timed. */
export interface ProfiledWork {
  readonly model: string
  readonly work: string
  /** Tokens drawn one after another by each sequence, or optimiser steps. */
  readonly steps: number
  readonly wallMs: number
  /** Processor time of the process: other processes are not in it. */
  readonly processorMs: number
  readonly kernels: ReadonlyArray<ProfileEntry>
  /** Calls into the library under the backend; none on wasm, whose kernels are the calls. */
  readonly native: ReadonlyArray<ProfileEntry>
}

const total = (entries: ReadonlyArray<ProfileEntry>): number => entries.reduce((sum, { ms }) => sum + ms, 0)
const count = (entries: ReadonlyArray<ProfileEntry>): number => entries.reduce((sum, { calls }) => sum + calls, 0)

/** `(upload)` and the like are calls too, but no operations. */
const operations = (entries: ReadonlyArray<ProfileEntry>): ReadonlyArray<ProfileEntry> =>
  entries.filter(({ name }) => !name.startsWith('('))

/** Where the time went, in words and numbers. */
export const profileTable = (one: ProfiledWork, top: number): string => {
  const { model, work, steps, wallMs, processorMs, kernels, native } = one
  const listed = native.length > 0 ? native : kernels
  const inside = total(listed)
  const share = (ms: number): string => `${((100 * ms) / wallMs).toFixed(1)} %`
  const made = count(operations(listed))
  const rows = listed
    .slice(0, top)
    .map(
      ({ name, calls, ms }) =>
        `  ${name.padEnd(32)} ${String(calls).padStart(7)} ${ms.toFixed(1).padStart(9)} ms ${((1000 * ms) / calls).toFixed(1).padStart(9)} us each ${share(ms).padStart(7)}`,
    )
  return [
    `${model}; ${work}`,
    `  ${wallMs.toFixed(1)} ms on the clock, ${processorMs.toFixed(1)} ms of the processor; ${made} operations, ${(made / steps).toFixed(1)} a step`,
    native.length > 0
      ? `  in the library ${share(inside)}, in JavaScript (kernels around it, tape, host) ${share(wallMs - inside)}`
      : `  in kernels ${share(inside)}, outside them ${share(wallMs - inside)}`,
    ...rows,
  ].join('\n')
}
