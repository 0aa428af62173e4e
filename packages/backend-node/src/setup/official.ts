import { arch, platform } from 'node:os'
import { dirname, join, delimiter } from 'node:path'
import { tfjsNodeIn } from './folder.ts'
import type { Log } from './log.ts'
import { cleanEnvironment, runLogged } from './runLogged.ts'

/** The host's answer is awaited this long; without a network it fails at once. */
const PATIENCE_MS = 5000
const DOWNLOAD_MS = 15 * 60_000

type Environment = Readonly<Record<string, string | undefined>>

/** Where the package's own install script takes TensorFlow's library from (tfjs-node@4.22.0 scripts/install.js); null: it has none for this machine. */
export const officialLibrary = (env: Environment = process.env): string | null => {
  const host = env['TFJS_NODE_CDN_STORAGE'] ?? env['CDN_STORAGE'] ?? 'https://storage.googleapis.com/'
  const base = env['TFJS_NODE_BASE_URI'] ?? `${host}tensorflow/libtensorflow/libtensorflow-`
  const machine = `${platform()}-${arch()}`
  const names: Readonly<Record<string, string>> = {
    'linux-x64': `${base}cpu-linux-x86_64-2.9.1.tar.gz`,
    'linux-arm64': `${host}tf-builds/libtensorflow_r2_7_linux_arm64.tar.gz`,
    'darwin-x64': `${base}cpu-darwin-x86_64-2.9.1.tar.gz`,
    'darwin-arm64': `${host}tf-builds/libtensorflow_r2_7_darwin_arm64_cpu.tar.gz`,
    'win32-x64': `${base}cpu-windows-x86_64-2.9.1.zip`,
  }
  return names[machine] ?? null
}

/** Does the host of the official binaries answer, within seconds? */
export const officialAnswers = async (url: string | null = officialLibrary()): Promise<boolean> => {
  if (url === null) return false
  try {
    return (await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(PATIENCE_MS) })).ok
  } catch {
    return false
  }
}

/** Run the package's own install script: library and addon from its host. Says whether it ended well. */
export const installOfficial = async (folder: string, log: Log): Promise<boolean> => {
  const cwd = tfjsNodeIn(folder)
  const bins = [join(folder, 'node_modules', '.bin'), dirname(process.execPath)].join(delimiter)
  const env = cleanEnvironment()
  const { code } = await runLogged({
    command: process.execPath,
    args: [join('scripts', 'install.js')],
    cwd,
    env: { ...env, PATH: `${bins}${delimiter}${env['PATH'] ?? ''}` },
    timeoutMs: DOWNLOAD_MS,
    log,
  })
  return code === 0
}
