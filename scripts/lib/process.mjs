import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** What every tool we start is told: no telemetry, no update notes, no switching of pnpm versions behind our back. */
export const quietEnvironment = {
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  DO_NOT_TRACK: '1',
  npm_config_update_notifier: 'false',
  npm_config_manage_package_manager_versions: 'false',
  pnpm_config_verify_deps_before_run: 'false',
}

/** This process's environment with our binaries first on the PATH. */
export const toolEnvironment = (...folders) => {
  const pathKey = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'
  const path = [...folders, join(root, 'node_modules', '.bin'), process.env[pathKey] ?? ''].join(delimiter)
  return { ...process.env, ...quietEnvironment, [pathKey]: path }
}

/** npm as a command line: the one that started us, else the one beside this Node, else the one on the PATH. */
export const npmCommand = () => {
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js')
  const started = process.env.npm_execpath
  if (started?.endsWith('npm-cli.js') && existsSync(started)) return [process.execPath, started]
  if (existsSync(beside)) return [process.execPath, beside]
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm']
}

/**
 * Run a command to its end.
 * `output: 'capture'` keeps what it says, `'inherit'` shows it here, `'stderr'` shows all of it on our stderr.
 * `limitMs`: it is killed after so long (code 137).
 * Resolves to { code, text }; a command that could not be started has code 127.
 */
export const run = (command, { cwd = root, env = toolEnvironment(), output = 'capture', limitMs } = {}) =>
  new Promise((settle) => {
    const stdio = { capture: ['ignore', 'pipe', 'pipe'], inherit: 'inherit', stderr: ['inherit', 2, 2] }[output]
    const killSignal = limitMs === undefined ? 'SIGTERM' : 'SIGKILL' // an endless loop hears nothing
    const child = spawn(command[0], command.slice(1), {
      cwd,
      env,
      stdio,
      shell: command[0].endsWith('.cmd'),
      timeout: limitMs,
      killSignal,
    })
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    // A Ctrl-C reaches the child through the terminal; we stay to report how it ended.
    const stay = () => {}
    const passOn = () => child.kill('SIGTERM')
    process.on('SIGINT', stay)
    process.on('SIGTERM', passOn)
    const end = (code, text) => {
      process.off('SIGINT', stay)
      process.off('SIGTERM', passOn)
      settle({ code, text })
    }
    child.on('error', (error) => end(127, error.message))
    child.on('close', (code, signal) => {
      const numbers = { SIGINT: 130, SIGTERM: 143, SIGKILL: 137, SIGHUP: 129 }
      end(code ?? numbers[signal] ?? 1, Buffer.concat(chunks).toString('utf8'))
    })
  })
