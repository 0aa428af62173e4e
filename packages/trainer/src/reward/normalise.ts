/** Words after a number that change nothing in it. Bare `m` and `in` are not among them: they may be variables. */
const units = [
  'degrees?',
  'deg',
  'units?',
  'centimet(?:er|re)s?',
  'millimet(?:er|re)s?',
  'kilomet(?:er|re)s?',
  'met(?:er|re)s?',
  'inch(?:es)?',
  'feet',
  'foot',
  'ft',
  'yards?',
  'miles?',
  'cm',
  'mm',
  'km',
].join('|')
const power = '(?:\\^\\{?[23]\\}?)?'
const dimension = '(?:(?:square|sq|cubic|cu)\\.? )?'
const trailingUnit = new RegExp(`(?<=[\\d})]) ?${dimension}(?:${units})\\.?${power}$`, 'i')

/** A group of \text and its kin whose content is a unit goes, its power too; other content stays without the command. */
const textCommand = /\\(?:text|mathrm|textbf|textit|mathbf|operatorname|mbox) ?\{([^{}]*)\}(\^\{?[23]\}?)?/g
const unitOnly = new RegExp(`^ ?${dimension}(?:${units}|m|in)?\\.?${power} ?$`, 'i')

const steps: ReadonlyArray<readonly [pattern: RegExp, replacement: string]> = [
  [/\$|\\\(|\\\)|\\\[|\\\]/g, ''],
  [/\\(?:left|right|displaystyle|limits)(?![a-zA-Z])/g, ''],
  [/\\[!,;:> ]|\\q?quad(?![a-zA-Z])|~/g, ' '],
  [/\\[dtc]frac(?![a-zA-Z])/g, '\\frac'],
  [/\^ ?(?:\{ ?\\circ ?\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])|°|º/g, ''],
  [/\\?%/g, ''],
  [/−|–/g, '-'],
  [/×/g, '*'],
  // Thousands: 12,345 but not the list 1,2.
  [/(?<=\d)(?:\{,\}|,)(?=\d{3}(?!\d))/g, ''],
  [/\s+/g, ' '],
]

/**
 * An answer without what does not change its value: dollar signs, TeX spacing and sizes, degree and percent signs, units,
 * thousands commas, a leading `x =` and a final full stop. Each step is one pass over the text.
 */
export const normalisedAnswer = (text: string): string => {
  let out = steps.reduce((old, [pattern, replacement]) => old.replace(pattern, replacement), text)
  out = out
    .replace(textCommand, (_, content: string, raised: string | undefined) =>
      unitOnly.test(content) ? ' ' : `${content}${raised ?? ''}`,
    )
    .trim()
  out = out.replace(/^(?:[a-zA-Z]|\\angle [A-Z]+|m ?\\angle ?[A-Z]+) ?= ?/, '').replace(/ ?\.$/, '')
  return out.replace(trailingUnit, '').trim()
}
