/** A line of a formula: docstrings indent them, and typedoc leaves the indent. Lists keep theirs. */
const isFormula = (line) => /^ {2,}\S/.test(line) && !/^ *(\\\||[-*|#])/.test(line)

/**
 * A page of typedoc as a reader of Markdown should see it: formulas become blocks of code, so that nothing in them is taken for emphasis and
 * their lines stay apart; the title is what one imports.
 */
export const asMarkdown = (text, title) => {
  const lines = []
  let fenced = false
  let formula = false
  for (const line of text.replace(/^# .*$/m, `# ${title}`).split('\n')) {
    if (line.startsWith('```')) fenced = !fenced
    const begins = !fenced && !line.startsWith('```') && isFormula(line)
    if (begins && !formula) lines.push('```text')
    if (!begins && formula) lines.push('```')
    formula = begins
    lines.push(begins ? line.slice(2) : line)
  }
  return lines.join('\n')
}
