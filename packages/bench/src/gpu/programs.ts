import type { OpenedWebGpu } from '@durian/backend-webgpu'

/** The programs of one piece of work by name. */
export interface ProgramTotals {
  /** All of them, without a gap between them. */
  readonly deviceMs: number
  readonly dispatches: number
  /** The longest first. */
  readonly programs: ReadonlyArray<{ readonly name: string; readonly calls: number; readonly ms: number }>
}

/** Where the device's time goes, each program submitted alone; null where it has no clock to be read. */
export const programTotals = async (
  { kernels }: OpenedWebGpu,
  run: () => Promise<unknown>,
): Promise<ProgramTotals | null> => {
  const times = await kernels.profile(run)
  if (times.length === 0) return null
  const byName = new Map<string, { name: string; calls: number; ms: number }>()
  for (const { name, ms } of times) {
    const total = byName.get(name) ?? { name, calls: 0, ms: 0 }
    byName.set(name, { name, calls: total.calls + 1, ms: total.ms + ms })
  }
  return {
    deviceMs: times.reduce((total, { ms }) => total + ms, 0),
    dispatches: times.length,
    programs: [...byName.values()].sort((a, b) => b.ms - a.ms),
  }
}

/** The first of them as lines of text. */
export const programLines = ({ deviceMs, dispatches, programs }: ProgramTotals, top = 12): ReadonlyArray<string> => [
  `  the device is busy for ${deviceMs.toFixed(2)} ms with ${dispatches} programs`,
  ...programs
    .slice(0, top)
    .map(
      ({ name, calls, ms }) =>
        `    ${name.padEnd(40)} ${String(calls).padStart(6)} ${ms.toFixed(2).padStart(10)} ms ${((100 * ms) / deviceMs).toFixed(1).padStart(5)} %`,
    ),
]
