/** Markup that is known to be safe. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | null | undefined | ReadonlyArray<Part>

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const render = (part: Part): string => {
  if (part === null || part === undefined) return ''
  if (part instanceof Html) return part.text
  return Array.isArray(part) ? part.map(render).join('') : escaped(String(part))
}

/** A template whose values are escaped, except those that are `Html` already; null is nothing, lists are joined. */
export const html = (strings: TemplateStringsArray, ...values: ReadonlyArray<Part>): Html =>
  new Html(strings.map((text, i) => text + (i < values.length ? render(values[i]) : '')).join(''))

/** Text that is markup already. */
export const raw = (text: string): Html => new Html(text)
