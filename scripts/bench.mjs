import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './lib/process.mjs'
import { main } from './lib/stage.mjs'
import { setUp } from './setup.mjs'

/** `npm run bench [-- --suite NAME --save …]`: every benchmark that can run here. */
await main(async () => {
  await setUp()
  const command = join(root, 'packages', 'bench', 'dist', 'main.js')
  process.argv[1] = command
  await import(pathToFileURL(command).href)
  return process.exitCode
})
