import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asMarkdown } from './lib/apiMarkdown.mjs'
import { root, run } from './lib/process.mjs'
import { Complaint, main, stage } from './lib/stage.mjs'
import { setUp } from './setup.mjs'

const core = join(root, 'packages', 'core')
const out = join(root, 'docs', 'api')

/** What typedoc calls each page, and what a reader imports. */
const pages = { 'index.md': '@durian/core', 'codec.md': '@durian/core/codec', 'laws.md': '@durian/core/laws' }

/** `npm run docs`: docs/api from the docstrings of core. */
await main(async () => {
  const env = await setUp()
  await stage({ doing: 'Reading docstrings', done: 'Wrote docs/api' }, async () => {
    rmSync(out, { recursive: true, force: true })
    const { code, text } = await run([join(core, 'node_modules', '.bin', 'typedoc')], { env, cwd: core })
    if (code !== 0) throw new Complaint(`typedoc failed:\n${text}`)
    for (const [file, name] of Object.entries(pages))
      writeFileSync(join(out, file), asMarkdown(readFileSync(join(out, file), 'utf8'), name))
    const links = Object.entries(pages).map(([file, name]) => `- [\`${name}\`](${file})`)
    writeFileSync(
      join(out, 'README.md'),
      ['# Reference of @durian/core', '', 'Made from the docstrings by `npm run docs`.', '', ...links, ''].join('\n'),
    )
  })
})
