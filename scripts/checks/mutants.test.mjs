import { describe, expect, it } from 'vitest'
import { countsOf, inSource, mutantsOf, mutated, mutationPage, summaryOf } from '../lib/mutants.mjs'

const source = 'const a = 1\nconst b = a\n  + 2\nexport { b }'
const mutant = (status, { line, from, to, endLine = line }, replacement) => ({
  status,
  mutatorName: 'Test',
  replacement,
  location: { start: { line, column: from }, end: { line: endLine, column: to } },
})
const one = mutant('Survived', { line: 1, from: 11, to: 12 }, '9')
const sum = mutant('Killed', { line: 2, from: 11, to: 6, endLine: 3 }, 'a - 2')
const report = { files: { 'src/num/x.ts': { source, mutants: [one, sum] } } }

describe('mutants', () => {
  it('stand in the source in the place of the original, over several lines too', () => {
    expect(mutated(source, one)).toBe(source.replace('1', '9'))
    expect(mutated(source, sum)).toBe('const a = 1\nconst b = a - 2\nexport { b }')
  })

  it('are found again where their lines have moved, and are gone where those have changed', () => {
    const [first] = mutantsOf(report)
    const moved = inSource(first, `\n${source}`)
    expect(mutated(moved.source, moved)).toBe(`\n${source.replace('1', '9')}`)
    expect(inSource(first, 'const c = 1').status).toBe('Gone')
  })

  it('are counted: a time-out is noticed, a line that no test reaches is not', () => {
    const counts = countsOf(['Killed', 'Timeout', 'Survived', 'NoCoverage'].map((status) => ({ status })))
    expect(counts).toMatchObject({ total: 4, killed: 1, timedOut: 1, survived: 1, notCovered: 1, score: 0.5 })
    expect(countsOf([{ status: 'CompileError' }, { status: 'Killed' }]).total).toBe(1)
  })

  it('keep the reason of a survivor while its line stays the same, wherever it moves', () => {
    const [survivor] = summaryOf(mutantsOf(report)).survivors
    expect(survivor).toMatchObject({ file: 'num/x.ts', line: 1, original: '1', replacement: '9', reason: '' })
    const moved = { files: { 'src/num/x.ts': { source: `\n${source}`, mutants: [{ ...one, location: down(one) }] } } }
    const known = [{ ...survivor, reason: 'because' }]
    expect(summaryOf(mutantsOf(moved), known).survivors[0]).toMatchObject({ line: 2, reason: 'because' })
    const changed = { files: { 'src/num/x.ts': { source: source.replace('a = 1', 'c = 1'), mutants: [one] } } }
    expect(summaryOf(mutantsOf(changed), known).survivors[0].reason).toBe('')
  })

  it('make a page whose table survives a bar in the code', () => {
    const suite = { commit: 'c', date: 'd', minutes: 1, again: null, ...summaryOf(mutantsOf(report)) }
    const survivors = [{ file: 'num/x.ts', line: 3, original: 'a || b', replacement: '``', reason: 'why' }]
    const page = mutationPage({ suites: { num: { ...suite, survivors } }, tools: {} })
    expect(page).toContain('| num/x.ts | 3 | `a \\|\\| b` | `` `` `` | why |')
    expect(page).toContain('| `num` | 2 | 1 | 0 | 1 | 0 | 50.0 % |')
  })
})

const down = ({ location: { start, end } }) => ({
  start: { ...start, line: start.line + 1 },
  end: { ...end, line: end.line + 1 },
})
