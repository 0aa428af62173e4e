import { existsSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'

/** "11-13" or "14" -> [11, 12, 13] or [14]. */
export const equationRange = (text) => {
  const [first, last = first] = text.split(/[-–]/).map(Number)
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

const citation = /paper,\s+eq\.\s+(\d+(?:\s*[-–]\s*\d+)?(?:\s*(?:,|and)\s*\d+(?:\s*[-–]\s*\d+)?)*)/g

/** Every equation a source text cites: "(paper, eq. 3)", "(paper, eq. 5-9)", "(paper, eq. 11-13 and 17-19)". */
export const citedEquations = (source) =>
  [...source.matchAll(citation)].flatMap(([, list]) =>
    list.split(/,|and/).flatMap((part) => equationRange(part.trim())),
  )

const links = (cell) =>
  [...cell.matchAll(/\[`?([^\]`]+)`?\]\(([^)#]+)(?:#[^)]*)?\)(?:\s+"([^"]+)")?/g)].map(([, text, path, title]) => ({
    text,
    path,
    title,
  }))

/** A row of the paper's equations, or one of mathematics from elsewhere: that has a name in place of a number. */
const isRow = (line) => /^\|\s*\d/.test(line) || (/^\|\s*[^\s|-]/.test(line) && line.includes(']('))

/**
 * Rows of the tables: | equation or name | what it says | function | test | golden |. The third cell links names to their files,
 * the fourth links test files, each followed by a title in double quotes, the fifth links files or holds a dash.
 */
export const mapRows = (markdown) =>
  markdown
    .split('\n')
    .filter(isRow)
    .map((line) => {
      const [equations, what, functions, tests, goldens] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
      return {
        label: equations,
        equations: /^\d/.test(equations) ? equations.split(',').flatMap((part) => equationRange(part.trim())) : [],
        what,
        functions: links(functions ?? ''),
        tests: links(tests ?? ''),
        goldens: links(goldens ?? ''),
      }
    })

const declares = (source, name) =>
  new RegExp(
    `export (declare )?(const|let|function|async function|class|interface|type) ${name.replace(/\$/g, '\\$')}\\b`,
  ).test(source)

/**
 * What is wrong with the map, one sentence each; none when it is right.
 * `sources` are the files that may cite equations: [{ path, text }], paths from the repository's root.
 */
export const paperMapFaults = ({ root, mapPath, markdown, sources }) => {
  const faults = []
  const rows = mapRows(markdown)
  const fileOf = (link) => normalize(join(mapPath, '..', link.path))
  const textOf = (file) => (existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : undefined)

  const mapped = new Set(rows.flatMap((row) => row.equations))
  for (const { path, text } of sources)
    for (const equation of new Set(citedEquations(text)))
      if (!mapped.has(equation)) faults.push(`${path} cites (paper, eq. ${equation}), which has no row in ${mapPath}.`)

  for (const row of rows) {
    const complain = (what) => faults.push(`${mapPath}, row ${row.label}: ${what}`)
    if (row.functions.length === 0) complain('names no function.')
    if (row.tests.length === 0) complain('names no test.')
    const cited = new Set()
    for (const link of row.functions) {
      const text = textOf(fileOf(link))
      if (text === undefined) complain(`${fileOf(link)} does not exist.`)
      else if (!declares(text, link.text)) complain(`${fileOf(link)} exports no \`${link.text}\`.`)
      for (const equation of citedEquations(text ?? '')) cited.add(equation)
    }
    for (const equation of row.equations)
      if (row.functions.length > 0 && !cited.has(equation))
        complain(`no docstring in its files cites (paper, eq. ${equation}).`)
    for (const link of row.tests) {
      const text = textOf(fileOf(link))
      if (text === undefined) complain(`${fileOf(link)} does not exist.`)
      else if (link.title === undefined) complain(`${fileOf(link)} needs a test title in double quotes after its link.`)
      else if (!text.includes(link.title)) complain(`${fileOf(link)} has no test "${link.title}".`)
    }
    for (const link of row.goldens) if (textOf(fileOf(link)) === undefined) complain(`${fileOf(link)} does not exist.`)
  }
  return faults
}
