import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { endWithParent } from './lib/endWithParent.mjs'
import { root, run } from './lib/process.mjs'
import { main } from './lib/stage.mjs'
import { setUp } from './setup.mjs'

/**
 * `npm start [-- key=value …]`: set up, make the demo's data when it is missing, train on it. What follows `--` goes to
 * `durian train` behind the demo's config, so `npm start -- estimator=grpo` runs the same with another estimator.
 */
await main(async () => {
  await setUp()
  endWithParent()
  process.chdir(root)
  const command = join(root, 'packages', 'trainer', 'dist', 'cli', 'main.js')
  // Only a new cold start reads worked solutions: 16,000 rows, half a minute that the others are spared.
  const scratch = process.argv.some((argument) => /^(--)?from[_-]scratch(=true)?$/.test(argument))
  const splits = ['train', 'validation', 'test', ...(scratch ? ['sft'] : [])]
  if (!splits.every((name) => existsSync(join('data', 'demo', `${name}.parquet`)))) {
    const rows = scratch ? ['--sft', '16000'] : []
    const { code } = await run([process.execPath, command, 'data', 'make', '--out', join('data', 'demo'), ...rows], {
      output: 'inherit',
    })
    if (code !== 0) return code
  }
  // In this very process, so that signals and exit codes need no passing on.
  process.argv = [
    process.execPath,
    command,
    'train',
    '--config',
    join('examples', 'demo.yaml'),
    ...process.argv.slice(2),
  ]
  await import(pathToFileURL(command).href)
  return process.exitCode
})
