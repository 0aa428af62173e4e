import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as core from './index.ts'
import { estimatorNames, lossTypes, presetNames, presets, type Preset } from './index.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** First cells of the table under a heading's words. */
const names = (header: string): ReadonlyArray<string> => {
  const table = readme.slice(readme.indexOf(header)).split('\n\n')[0]!
  return table
    .split('\n')
    .slice(2)
    .map((row) => /^\| `([^`]+)` \|/.exec(row)![1]!)
}

it('the readme has a row for every estimator, loss and preset, and for nothing else', () => {
  expect(names('| name | numerator |')).toEqual([...estimatorNames])
  expect(names('| `loss_type` | surrogate |')).toEqual([...lossTypes])
  expect(names('| preset | advantages |')).toEqual([...presetNames])
})

it('the readme tells each preset’s estimator, clip range and aggregate', () => {
  for (const name of presetNames) {
    const { estimator, surrogate, aggregate }: Preset = presets[name]
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))!
    expect(row).toContain(`\`${estimator.name}\``)
    if (surrogate.type === 'clipped') expect(row).toContain(`clip ${surrogate.low}`)
    const words = {
      'token-mean': 'token mean',
      'sequence-mean': 'sequence mean',
      'fixed-length': 'token sums over S x L',
      'sequence-sum': 'sequence sum',
    }
    expect(row).toContain(words[aggregate])
  }
})

it('the reference has a heading for every public value', () => {
  const reference = readFileSync(new URL('../../../docs/api/index.md', import.meta.url), 'utf8')
  const missing = Object.keys(core).filter((name) => !new RegExp(`^### ${name}(\\(\\))?$`, 'm').test(reference))
  expect(missing, 'run `npm run docs`').toEqual([])
})
