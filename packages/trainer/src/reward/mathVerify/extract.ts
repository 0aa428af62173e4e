/** Boxes beyond these are not looked at, nor is text beyond this before the last: a response's answer stands at its end. */
const maxBoxes = 8
const tailLength = 4000

interface Box {
  readonly content: string
  readonly from: number
  readonly to: number
}

/** The closed `\boxed{…}` and `\fbox{…}` of a text, the last ones. One pass from each opening. */
const boxesIn = (text: string): ReadonlyArray<Box> => {
  const found: Box[] = []
  for (const { index, 0: opening } of text.matchAll(/\\f?box(?:ed)? ?\{/g)) {
    let depth = 1
    for (let i = index + opening.length; i < text.length; i++) {
      if (text[i] === '{') depth++
      else if (text[i] === '}' && --depth === 0) {
        found.push({ content: text.slice(index + opening.length, i), from: index, to: i + 1 })
        break
      }
    }
  }
  return found.slice(-maxBoxes)
}

/** What may stand between boxes that are one answer together: "\boxed{1} and \boxed{2}". */
const joins = (between: string): boolean =>
  /^[\s$]*(?:\\text\{)?\s*(?:,|;|and|or|,\s*and|,\s*or)\s*\}?[\s$]*$/.test(between)

const boxed = (text: string): string | null => {
  const boxes = boxesIn(text)
  const last = boxes.at(-1)
  if (last === undefined) return null
  let from = boxes.length - 1
  while (from > 0 && joins(text.slice(boxes[from - 1]!.to, boxes[from]!.from))) from--
  return boxes.slice(from).map(({ content }) => content).join(', ') // prettier-ignore
}

const lastMatch = (text: string, pattern: RegExp): string | null => {
  let found: string | null = null
  for (const match of text.matchAll(pattern)) found = match[1] ?? match[0]
  return found
}

/**
 * Where an answer is looked for, in Math-Verify's order: the last box (boxes joined by commas, "and" or "or" are one answer), the formula or number behind
 * "the answer is" or "answer:", the last formula, the last number. Null: there is none.
 */
export const extractAnswer = (response: string): string | null => {
  const text = response.slice(-tailLength)
  const box = boxed(text)
  if (box !== null) return box
  const behind = lastMatch(text, /answer(?: is|:)[:\s]*([^\n]{1,200})/gi)
  for (const place of behind === null ? [text] : [behind, text]) {
    const formula =
      lastMatch(place, /\$\$?([^$\n]{1,300})\$\$?/g) ??
      lastMatch(place, /\\\(([^\n]{1,300}?)\\\)/g) ??
      lastMatch(place, /\\\[([^\n]{1,300}?)\\\]/g)
    if (formula !== null) return formula
    const number = lastMatch(place, /(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\/\d+|\d*\.\d+|\d+) ?%?/g)
    if (number !== null) return number.trim()
  }
  return null
}
