import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { configHelp, configMarkdown } from './describe.ts'
import { configSchema } from './jsonSchema.ts'

const docs = (name: string): string => fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url))

describe('what is generated from the table of keys', () => {
  it('docs/config.md is the table (run vitest -u after a change)', async () => {
    await expect(configMarkdown()).toMatchFileSnapshot(docs('config.md'))
  })
  it('docs/durian.schema.json is the table (run vitest -u after a change)', async () => {
    await expect(JSON.stringify(configSchema(), null, 2) + '\n').toMatchFileSnapshot(docs('durian.schema.json'))
  })
  it('--help shows defaults', () => {
    expect(configHelp()).toContain('durian.reasoning_groups=12\n')
    expect(configHelp()).toContain('dataset=required\n')
  })
})
