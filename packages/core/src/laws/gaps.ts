import type { Law } from './law.ts'

/**
 * The laws of a backend with known gaps: a law with a gap must fail, so a gap that closes is noticed; a gap that names no law fails too.
 * @param gaps - law's name -> reason, with a link
 */
export const withGaps = (laws: ReadonlyArray<Law>, gaps: Readonly<Record<string, string>>): ReadonlyArray<Law> => {
  const names = new Set(laws.map(({ name }) => name))
  const strangers = Object.keys(gaps).filter((name) => !names.has(name))
  return [
    ...laws.map((law) => {
      const reason = gaps[law.name]
      return reason === undefined ? law : gap(law, reason)
    }),
    ...strangers.map((name) => ({
      name: `gap: ${name}`,
      check: () => Promise.reject(new Error(`the gap '${name}' names no law: mend the spelling or remove it`)),
    })),
  ]
}

const gap = (law: Law, reason: string): Law => ({
  name: `${law.name} (known gap: ${reason})`,
  check: async () => {
    const fails = await law.check().then(
      () => false,
      () => true,
    )
    if (!fails) throw new Error(`the gap '${law.name}' has closed: remove it (it said: ${reason})`)
  },
})
