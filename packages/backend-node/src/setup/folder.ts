import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Versions that belong together: the recipe was run with exactly these. */
export const versions = { tfjsNode: '4.22.0', nodeApiHeaders: '1.9.0', tensorflow: '2.21.0' } as const

export type Variant = 'cpu' | 'cuda'

/** What `durian setup tensorflow` writes beside an installation once its self-test has passed. */
export interface Manifest {
  readonly variant: Variant
  /** wheel: the addon was built here against the wheel's library; official: the binaries of tfjs-node's own host. */
  readonly source: 'wheel' | 'official'
  readonly tfjsNode: string
  /** Version of TensorFlow's library; null where the official binary chose it. */
  readonly tensorflow: string | null
  readonly wheel: string | null
  readonly sha256: string | null
}

type Environment = Readonly<Record<string, string | undefined>>

/** Where installations live: `override`, else DURIAN_TENSORFLOW_DIR, else `durian/tensorflow` in the user's data folder. */
export const tensorflowHome = (override?: string, env: Environment = process.env): string => {
  const named = override ?? env['DURIAN_TENSORFLOW_DIR']
  if (named !== undefined && named !== '') return resolve(named)
  const data = env['XDG_DATA_HOME'] ?? env['LOCALAPPDATA'] ?? join(homedir(), '.local', 'share')
  return join(data, 'durian', 'tensorflow')
}

export const manifestName = 'durian.json'
export const currentName = 'current.json'

/** The installed package inside an installation's folder. */
export const tfjsNodeIn = (folder: string): string => join(folder, 'node_modules', '@tensorflow', 'tfjs-node')

const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

/** An installation's manifest; null where there is none, so where nothing was finished. */
export const readManifest = (folder: string): Manifest | null =>
  existsSync(tfjsNodeIn(folder)) ? (readJson(join(folder, manifestName)) as Manifest | null) : null

/** The installation that the home's `current.json` names; null where there is none. */
export const currentInstallation = (home: string): { readonly folder: string; readonly manifest: Manifest } | null => {
  const current = readJson(join(home, currentName)) as { readonly folder?: unknown } | null
  if (typeof current?.folder !== 'string') return null
  const folder = join(home, current.folder)
  const manifest = readManifest(folder)
  return manifest === null ? null : { folder, manifest }
}
