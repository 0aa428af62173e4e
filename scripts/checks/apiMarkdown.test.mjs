import { expect, it } from 'vitest'
import { asMarkdown } from '../lib/apiMarkdown.mjs'

it('puts formulas into blocks of code and leaves lists, tables and code alone', () => {
  const page = [
    '# index',
    '',
    'Text.',
    '',
    '  A = *r* - m',
    '  B = 2',
    '',
    '- item',
    '  | a | b |',
    '  \\| a',
    '```ts',
    '  x: 1',
    '```',
    'end',
  ]
  expect(asMarkdown(page.join('\n'), '@durian/core').split('\n')).toEqual([
    '# @durian/core',
    '',
    'Text.',
    '',
    '```text',
    'A = *r* - m',
    'B = 2',
    '```',
    '',
    ...page.slice(7),
  ])
})
