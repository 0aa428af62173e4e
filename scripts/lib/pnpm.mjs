import { existsSync } from 'node:fs'
import { npmCommand, quietEnvironment, run } from './process.mjs'
import { Complaint } from './stage.mjs'

/** The pinned pnpm, and the last one in plain JavaScript for machines the first has no binary for. */
export const pnpmVersions = ['12.21.0', '10.34.9']

/** Words of tools that could not reach the registry, as opposed to having been refused by it. */
const unreachable =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|EIDLETIMEOUT|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH|socket hang up|network|fetch failed|error sending request|dns error|timed out|\b50[234]\b/i

/** Whether a tool's words say that the network, not the project, is at fault. */
export const isNetworkFailure = (text) => unreachable.test(text)

/** The last line that says what went wrong, without log prefixes. */
export const lastError = (text) => {
  const lines = text
    .split('\n')
    .map((line) =>
      line
        .replace(/\x1b\[[0-9;]*m/g, '')
        .replace(/^\s*(npm (error|ERR!)|ERR_PNPM\S*|\[WARN\]|×|╰─▶|help:)\s*/u, '')
        .trim(),
    )
    .filter((line) => line !== '' && !/^npm warn|complete log of this run|debug-0\.log/i.test(line))
  return (lines.find((line) => unreachable.test(line)) ?? lines.at(-1) ?? 'no output').slice(0, 200)
}

const pause = (ms) => new Promise((wake) => setTimeout(wake, ms))

/** Run something that needs the network up to three times, 2 and 6 seconds apart; only failures of the network are tried again. */
export const withRetries = async (attempt, waits = [2000, 6000]) => {
  for (let tries = 0; ; tries++) {
    const result = await attempt()
    if (result.code === 0 || !isNetworkFailure(result.text) || tries === waits.length) return result
    await pause(waits[tries])
  }
}

/** Run inside `npm exec`: prints the folder of the first `pnpm` on the PATH that starts. */
const locator = `
  const { delimiter, join } = require('node:path')
  const pathKey = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH')
  const names = process.platform === 'win32' ? ['pnpm.cmd', 'pnpm.exe'] : ['pnpm']
  const folder = process.env[pathKey].split(delimiter).find((f) => names.some((n) => require('node:fs').existsSync(join(f, n))))
  require('node:child_process').execSync('pnpm --version', { stdio: ['ignore', 'ignore', 'inherit'] })
  process.stdout.write('pnpm-folder:' + folder + '\\n')
`

/** Fetch the pnpm command into npm's own cache, unless it is there already (so: offline after the first time). */
const fetchPnpm = async () => {
  // npm's own retries wait a minute each; ours are enough. The version is exact, so a cached one need not be asked about.
  const network = { npm_config_fetch_retries: '0', npm_config_prefer_offline: 'true' }
  const env = { ...process.env, ...quietEnvironment, ...network, npm_config_loglevel: 'error' }
  let failure = ''
  for (const version of pnpmVersions) {
    const command = [...npmCommand(), 'exec', '--yes', `--package=pnpm@${version}`, '--', 'node', '-e', locator]
    const { code, text } = await withRetries(() => run(command, { env }))
    const folder = /pnpm-folder:(.+)/.exec(text)?.[1]
    if (code === 0 && folder !== undefined) return folder
    failure = text
    if (isNetworkFailure(text)) throw unreachableRegistry(text)
  }
  throw new Complaint(
    `npm could not start pnpm ${pnpmVersions.join(' or ')} (${lastError(failure)}); \`npx -y pnpm@${pnpmVersions[0]} --version\` shows the whole message.`,
  )
}

/** The folder of a pnpm that works: the remembered one while it is still there. */
export const pnpmFolder = async (remembered) =>
  remembered !== undefined && existsSync(remembered) ? remembered : await fetchPnpm()

export const unreachableRegistry = (text) =>
  new Complaint(
    `The package registry could not be reached in 3 tries (${lastError(text)}); check the network or the proxy (npm config get registry, npm config get proxy) and run the same command again.`,
  )
