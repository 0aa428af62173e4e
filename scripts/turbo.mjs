import { run } from './lib/process.mjs'
import { main } from './lib/stage.mjs'
import { setUp } from './setup.mjs'

/** `node scripts/turbo.mjs <task> [turbo flags]`: one of turbo's tasks, with everything it needs brought first. */
await main(async () => {
  const env = await setUp({ pnpm: true })
  const [task, ...flags] = process.argv.slice(2)
  const { code } = await run(
    ['turbo', 'run', task, '--concurrency=1', ...(task === 'check' ? ['--continue'] : []), ...flags],
    { env, output: 'inherit' },
  )
  return code
})
