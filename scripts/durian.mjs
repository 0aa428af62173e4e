import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { endWithParent } from './lib/endWithParent.mjs'
import { root } from './lib/process.mjs'
import { main } from './lib/stage.mjs'
import { setUp } from './setup.mjs'

/**
 * The `durian` command of this checkout: `npm run -s durian -- <command> …`. Sets up first when something changed (on
 * stderr), then becomes the command itself, in this very process, so that signals and exit codes need no passing on.
 */
await main(async () => {
  await setUp()
  endWithParent()
  // npm moves to the repository's root; paths on the command line are meant from where the user stands.
  if (process.cwd() === root && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD)
  const command = join(root, 'packages', 'trainer', 'dist', 'cli', 'main.js')
  process.argv[1] = command
  await import(pathToFileURL(command).href)
  return process.exitCode
})
