import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { easyR1Names } from './easyr1.ts'
import { trainFields } from './fields.ts'
import { presetNames } from './presets.ts'
import { aliases } from './resolveConfig.ts'
import { leaves } from './table.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const page = readFileSync(`${root}docs/coming-from.md`, 'utf8')
const examples = readdirSync(`${root}examples`).filter((name) => name.endsWith('.yaml'))

const keys = new Set([
  ...leaves(trainFields).map(({ key }) => key),
  ...Object.entries(trainFields).flatMap(([key, entry]) => (entry._tag === 'section' ? [key] : [])),
])
const quoted = (text: string): ReadonlyArray<string> => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
/** Cells of the rows of the table under a header. */
const rowsUnder = (header: string): ReadonlyArray<ReadonlyArray<string>> => {
  const table = page.slice(page.indexOf(header)).split('\n\n')[0]!
  return table
    .split('\n')
    .slice(2)
    .map((row) => row.split('|').slice(1, -1))
}

describe('docs/coming-from.md', () => {
  it.each(['| GRPOConfig |', '| EasyR1 |'])('names no key that is not there, in the table %s', (header) => {
    const rows = rowsUnder(header)
    expect(rows.length).toBeGreaterThan(20)
    for (const [theirs, ours] of rows) {
      expect(quoted(ours!).length, theirs).toBeGreaterThan(0)
      for (const key of quoted(ours!)) expect(keys.has(key), key).toBe(true)
    }
  })

  it('names every name of EasyR1 that is understood, beside the key it becomes', () => {
    const rows = rowsUnder('| EasyR1 |')
    for (const [name, { to }] of Object.entries(easyR1Names)) {
      const row = rows.find(([theirs]) => quoted(theirs!).includes(name))
      expect(row, name).toBeDefined()
      expect(
        quoted(row!.slice(1).join(' ')).map((word) => word.split(':')[0]),
        name,
      ).toContain(to)
    }
    for (const [theirs] of rows) for (const name of quoted(theirs!)) expect(easyR1Names, name).toHaveProperty([name])
  })

  it('says of no name of TRL that it is the same where it is another', () => {
    for (const [theirs, ours] of rowsUnder('| GRPOConfig |'))
      for (const name of quoted(theirs!)) {
        const known = keys.has(name) ? name : aliases[name]?.split('.')[0]
        if (known !== undefined) expect(quoted(ours!), name).toContain(known)
      }
  })

  it('names every preset but the demo, and only files that are there', () => {
    for (const name of presetNames)
      if (name !== 'demo' && name !== 'dr-grpo') expect(page, name).toContain(`\`${name}\``)
    for (const [, file] of page.matchAll(/\(\.\.\/examples\/([\w-]+\.yaml)\)/g)) expect(examples).toContain(file)
  })
})

describe('examples/', () => {
  it('holds a file for the paper, EasyR1, TRL and verl', () => {
    const used = examples.map(
      (file) => (parse(readFileSync(`${root}examples/${file}`, 'utf8')) as { preset?: string }).preset,
    )
    for (const preset of ['paper-grpo', 'paper-dapo', 'easyr1-grpo', 'easyr1-dapo', 'trl-dapo', 'verl-grpo'])
      expect(used).toContain(preset)
  })
})
