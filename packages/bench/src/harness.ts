import { type Spread, spreadOf } from './stats.ts'

/** One thing to be timed. Its inputs exist before the clock starts. */
export interface Subject {
  /** Who does it: `durian`, `numpy`, … */
  readonly by: string
  /** Do it once and wait for the device. A subject with a clock of its own returns its milliseconds. */
  readonly once: () => Promise<number | void> | number | void
}

/** The same work done by one or more subjects; the first one is ours. */
export interface Case {
  readonly suite: string
  readonly name: string
  /** Sizes in words, e.g. `512 x 8`. */
  readonly size: string
  readonly subjects: readonly [Subject, ...Subject[]]
  /** What one run gets through, for a rate: `{ count: 2048, unit: 'tokens' }`. */
  readonly work?: { readonly count: () => number; readonly unit: string }
  /** Free what the case holds. */
  readonly close?: () => Promise<void> | void
}

export interface Timing extends Spread {
  readonly by: string
  /** Runs inside one sample, so that a sample lasts long enough for the clock. */
  readonly repeats: number
  readonly samples: number
}

export interface Result {
  readonly suite: string
  readonly name: string
  readonly size: string
  readonly timings: readonly [Timing, ...Timing[]]
  /** Work per second at our median. */
  readonly rate?: { readonly value: number; readonly unit: string }
  /** Our median over the peer's, by peer: below 1 we are faster. */
  readonly ratios: Readonly<Record<string, number>>
  /** The same of the fastest samples: what a machine that others use too says of the code. */
  readonly fastestRatios: Readonly<Record<string, number>>
}

export interface HarnessOptions {
  /** Samples of each subject, taken in turns. */
  readonly rounds: number
  /** A sample repeats its subject until it lasts about this long, ms. */
  readonly sampleMs: number
  /** Milliseconds since some start; given in by tests. */
  readonly now?: () => number
}

/** Milliseconds of `repeats` runs, per run. */
const sample = async ({ once }: Subject, repeats: number, now: () => number): Promise<number> => {
  let own = 0
  let clocked = false
  const began = now()
  for (let i = 0; i < repeats; i++) {
    const reported = await once()
    if (typeof reported === 'number') {
      own += reported
      clocked = true
    }
  }
  return (clocked ? own : now() - began) / repeats
}

/**
 * Time a case: one run of each subject to warm up, then `rounds` samples in turns (ours, peer, ours, peer, …), so that a machine that
 * slows down slows both. Medians, because one pause of the collector is no property of the code.
 */
export const timed = async (
  subject: Case,
  { rounds, sampleMs, now = () => performance.now() }: HarnessOptions,
): Promise<Result> => {
  try {
    const repeats: number[] = []
    for (const one of subject.subjects) {
      await sample(one, 1, now)
      const warm = await sample(one, 1, now)
      repeats.push(Math.min(10_000, Math.max(1, Math.ceil(sampleMs / Math.max(warm, 1e-3)))))
    }
    const samples: number[][] = subject.subjects.map(() => [])
    for (let round = 0; round < rounds; round++)
      for (const [i, one] of subject.subjects.entries()) samples[i]!.push(await sample(one, repeats[i]!, now))

    const timings = subject.subjects.map(({ by }, i): Timing => ({
      by,
      repeats: repeats[i]!,
      samples: rounds,
      ...spreadOf(samples[i]!),
    }))
    const [ours, ...peers] = timings as [Timing, ...Timing[]]
    return {
      suite: subject.suite,
      name: subject.name,
      size: subject.size,
      timings: [ours, ...peers],
      ...(subject.work === undefined
        ? {}
        : { rate: { value: (subject.work.count() / ours.median) * 1000, unit: `${subject.work.unit}/s` } }),
      ratios: Object.fromEntries(peers.map(({ by, median }) => [by, ours.median / median])),
      fastestRatios: Object.fromEntries(peers.map(({ by, min }) => [by, ours.min / min])),
    }
  } finally {
    await subject.close?.()
  }
}
