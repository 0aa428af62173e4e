const opening = '\\boxed{'

/**
 * What the last `\boxed{…}` of a text holds, braces matched; null when there is none or the last one is not closed.
 * One pass over the text.
 */
export const lastBoxed = (text: string): string | null => {
  const at = text.lastIndexOf(opening)
  if (at < 0) return null
  const start = at + opening.length
  let depth = 1
  for (let i = start; i < text.length; i++) {
    const character = text[i]
    if (character === '{') depth++
    else if (character === '}' && --depth === 0) return text.slice(start, i)
  }
  return null
}
