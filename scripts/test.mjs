import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { packageFolders } from './lib/fingerprint.mjs'
import { root, run } from './lib/process.mjs'
import { main, stage } from './lib/stage.mjs'
import { summary } from './lib/testSummary.mjs'
import { setUp } from './setup.mjs'

/**
 * `npm test [-- turbo flags]`: everything needed, then every test of every package and of the repository itself. The very
 * last line is `N passed, N failed, N skipped`; a package that should have reported and did not counts as one failure.
 */
await main(async () => {
  const env = await setUp({ pnpm: true })
  const flags = process.argv.slice(2)
  const turbo = ['turbo', 'run', 'test', '--concurrency=1', '--continue', ...flags]

  const plan = await stage({ doing: 'Listing tests', done: 'Listed tests' }, () =>
    run([...turbo, '--dry=json'], { env }),
  )
  const planned = new Set(plan.code === 0 ? JSON.parse(plan.text.slice(plan.text.indexOf('{'))).packages : [])
  const isPlanned = (folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return manifest.scripts?.test !== undefined && (planned.size === 0 || planned.has(manifest.name))
  }
  const everything = flags.length === 0
  const folders = [...packageFolders().filter(isPlanned), ...(everything ? [join(root, 'scripts')] : [])]

  const reportOf = (folder) => join(folder, '.vitest-report.json')
  for (const folder of [...packageFolders(), join(root, 'scripts')]) rmSync(reportOf(folder), { force: true })

  const { code } = await run(turbo, { env, output: 'inherit' })
  if (code === 130) return 130
  const own = everything
    ? await run(['vitest', 'run', '--config', 'scripts/vitest.config.mjs'], { env, output: 'inherit' })
    : { code: 0 }

  const reports = folders.map((folder) => ({
    where: relative(root, folder),
    report: existsSync(reportOf(folder)) ? JSON.parse(readFileSync(reportOf(folder), 'utf8')) : undefined,
  }))
  const { lines, failed } = summary(reports)
  // A runner may fail with every test green (a crash after the last one): that is a failure too, and is named.
  const crashed = failed === 0 && (code !== 0 || own.code !== 0)
  if (crashed) process.stdout.write(`\nThe test run itself ended with exit code ${code || own.code}; see above.\n`)
  process.stdout.write(`\n${lines.join('\n')}\n`)
  return failed > 0 || crashed ? 1 : 0
})
