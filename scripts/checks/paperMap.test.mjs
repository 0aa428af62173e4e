import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faultsHere } from '../check-paper-map.mjs'
import { citedEquations, equationRange, paperMapFaults } from '../lib/paperMap.mjs'

const source = '/** Twice x.  (paper, eq. 7) */\nexport const twice = (x: number) => 2 * x\n'
const row =
  '| 7 | twice | [`twice`](../src/twice.ts) | [twice.test.ts](../src/twice.test.ts) "doubles" | [g](../src/g.json) |'

/** A little repository with one equation, and the faults of a map over it. */
const faultsOf = ({ map = row, text = source, cited = source } = {}) => {
  const root = mkdtempSync(join(tmpdir(), 'durian-map-'))
  mkdirSync(join(root, 'src'))
  writeFileSync(join(root, 'src', 'twice.ts'), text)
  writeFileSync(join(root, 'src', 'twice.test.ts'), "it('doubles', () => {})")
  writeFileSync(join(root, 'src', 'g.json'), '{}')
  return paperMapFaults({
    root,
    mapPath: 'docs/map.md',
    markdown: map,
    sources: [{ path: 'src/twice.ts', text: cited }],
  })
}

describe('the map of the paper', () => {
  it('of this repository has no fault', () => {
    expect(faultsHere()).toEqual([])
  })

  it('reads single equations, ranges and lists', () => {
    expect(equationRange('5-9')).toEqual([5, 6, 7, 8, 9])
    expect(citedEquations('* A (paper, eq. 11-13 and 17-19)\n(paper, eq. 2, 4)')).toEqual([
      11, 12, 13, 17, 18, 19, 2, 4,
    ])
    expect(citedEquations('Shao et al., eq. 3')).toEqual([])
  })

  it('accepts a row whose function, test and golden exist', () => {
    expect(faultsOf()).toEqual([])
  })

  it('names an equation that is cited and not mapped', () => {
    expect(faultsOf({ cited: '(paper, eq. 7)\n(paper, eq. 8)' })).toEqual([expect.stringContaining('eq. 8')])
  })

  it.each([
    ['a function that is gone', row.replace('`twice`', '`thrice`'), 'exports no `thrice`'],
    ['a file that is gone', row.replace('twice.ts)', 'gone.ts)'), 'gone.ts does not exist'],
    ['a test title that is gone', row.replace('"doubles"', '"triples"'), 'has no test "triples"'],
    ['a test without a title', row.replace(' "doubles"', ''), 'needs a test title'],
    ['a golden that is gone', row.replace('g.json', 'h.json'), 'h.json does not exist'],
    [
      'a row without a function',
      '| 7 | twice | — | [twice.test.ts](../src/twice.test.ts) "doubles" | — |',
      'names no function',
    ],
    ['a row without a test', '| 7 | twice | [`twice`](../src/twice.ts) | — | — |', 'names no test'],
  ])('names %s', (_, map, fault) => {
    expect(faultsOf({ map }).join('\n')).toContain(fault)
  })

  it('holds a row of mathematics from elsewhere to its links, and not to an equation', () => {
    const named = row.replace('| 7 |', '| RLOO |')
    expect(faultsOf({ map: `| name | what |\n|---|---|\n${row}\n${named}` })).toEqual([])
    expect(faultsOf({ map: `${row}\n${named.replace('g.json', 'h.json')}` })).toEqual([
      expect.stringContaining('row RLOO: src/h.json does not exist'),
    ])
  })

  it('names a row whose function does not cite its equation', () => {
    expect(faultsOf({ map: row.replace('| 7 |', '| 6-7 |') })).toEqual([
      expect.stringContaining('cites (paper, eq. 6)'),
    ])
  })
})
