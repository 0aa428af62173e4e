import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { dependencyFingerprint, isBuilt, packageFolders, sourceFingerprint } from './lib/fingerprint.mjs'
import { withLock } from './lib/lock.mjs'
import { isNetworkFailure, lastError, pnpmFolder, unreachableRegistry, withRetries } from './lib/pnpm.mjs'
import { root, run, toolEnvironment } from './lib/process.mjs'
import { Complaint, main, stage } from './lib/stage.mjs'

const oldestNode = [20, 11]
const stampFile = join(root, 'node_modules', '.durian-setup.json')
const logFile = join(root, '.cache', 'setup.log')

const readStamp = () => {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'))
  } catch {
    return {}
  }
}

const keepLog = (text) => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  writeFileSync(logFile, text)
}

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  throw new Complaint(
    `Durian needs Node ${oldestNode.join('.')} or newer and this is Node ${process.versions.node} (${process.execPath}); install a newer one from https://nodejs.org, or with nvm: nvm install 22.`,
  )
}

const install = async (pnpm) => {
  // A registry that is down is noticed in seconds and not in 4 minutes; we try three times ourselves.
  const patience = { pnpm_config_fetch_retry_mintimeout: '500', pnpm_config_fetch_retry_maxtimeout: '3000' }
  const env = { ...toolEnvironment(pnpm), ...patience, CI: 'true' }
  const command = [
    process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm',
    'install',
    '--frozen-lockfile',
    '--reporter=append-only',
  ]
  const { code, text } = await withRetries(() => run(command, { env }))
  if (code === 0) return
  keepLog(text)
  if (code === 130)
    throw new Complaint('Interrupted while installing packages; the same command goes on where this one stopped.', 130)
  if (isNetworkFailure(text)) throw unreachableRegistry(text)
  if (/ENOSPC|no space left/i.test(text))
    throw new Complaint(
      "The disk is full: installing needs about 1 GB in the repository and in pnpm's store; free some and run the same command again.",
    )
  throw new Complaint(`Installing the packages failed (${lastError(text)}); the whole log is in .cache/setup.log.`)
}

/** All packages in one compiler process: 33 s of CPU, where turbo's process per package takes 55. Turbo's own `build` finds it up to date. */
const build = async () => {
  const packages = packageFolders().map((folder) => relative(root, folder))
  const { code, text } = await run([
    process.execPath,
    join('node_modules', 'typescript', 'bin', 'tsc'),
    '-b',
    ...packages,
  ])
  if (code === 0) return
  keepLog(text)
  if (code === 130) throw new Complaint('Interrupted while building.', 130)
  const errors = text
    .split('\n')
    .filter((line) => /error TS\d+/.test(line))
    .slice(0, 20)
  throw new Complaint([...errors, 'The build failed; the whole log is in .cache/setup.log.'].join('\n'))
}

const isInstalled = ({ dependencies }) =>
  dependencies === dependencyFingerprint() &&
  packageFolders().every((folder) => existsSync(join(folder, 'node_modules')))

const isCompiled = ({ sources }) => sources === sourceFingerprint() && isBuilt()

/**
 * Make the checkout ready: Node's version checked, packages installed when the lockfile or a manifest changed, sources
 * compiled when one changed. Does nothing (and says nothing) when all is up to date.
 *
 * `pnpm: true` is for turbo, which starts the packages' scripts with it. Returns the environment for tools.
 */
export const setUp = async ({ pnpm: needsPnpm = false } = {}) => {
  checkNode()
  const isReady = (stamp) => isInstalled(stamp) && isCompiled(stamp) && (!needsPnpm || existsSync(stamp.pnpm ?? ''))
  const environment = ({ pnpm }) => toolEnvironment(...(pnpm === undefined ? [] : [pnpm]))
  const found = readStamp()
  if (isReady(found)) return environment(found)

  return await withLock(async () => {
    let stamp = readStamp() // another command may have done it while we waited for the lock
    const write = (news) => {
      stamp = { ...stamp, ...news }
      writeFileSync(stampFile, `${JSON.stringify(stamp, null, 2)}\n`)
    }
    if (!isInstalled(stamp)) {
      const dependencies = dependencyFingerprint()
      await stage({ doing: 'Installing packages', done: 'Installed packages' }, async () => {
        const pnpm = await pnpmFolder(stamp.pnpm)
        rmSync(stampFile, { force: true })
        await install(pnpm)
        write({ pnpm, dependencies })
      })
    }
    if (!isCompiled(stamp)) {
      const sources = sourceFingerprint()
      await stage({ doing: 'Building', done: 'Built' }, async () => {
        await build()
        write({ sources })
      })
    }
    if (needsPnpm && !existsSync(stamp.pnpm ?? '')) write({ pnpm: await pnpmFolder(undefined) })
    return environment(stamp)
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(async () => {
    await setUp()
    process.stderr.write('Ready.\n')
  })
