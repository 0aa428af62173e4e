import { either as E } from 'fp-ts'

/** One line of a JSONL file. */
export interface JsonLine {
  /** Counted from 1, blank lines included. */
  readonly line: number
  readonly record: Readonly<Record<string, unknown>>
}

/** The objects of a JSONL text, blank lines left out; Left names the first line that is no JSON object. */
export const jsonLines = (text: string): E.Either<string, ReadonlyArray<JsonLine>> => {
  const lines: Array<JsonLine> = []
  for (const [i, source] of text.split('\n').entries()) {
    if (source.trim() === '') continue
    let parsed: unknown
    try {
      parsed = JSON.parse(source)
    } catch {
      return E.left(`line ${i + 1} is not JSON`)
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      return E.left(`line ${i + 1} is not a JSON object`)
    lines.push({ line: i + 1, record: parsed as Record<string, unknown> })
  }
  return E.right(lines)
}
