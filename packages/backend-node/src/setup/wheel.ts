import type { Variant } from './folder.ts'
import type { IndexFile } from './packageIndex.ts'
import { SetupFault } from './fault.ts'

/** The parts of a wheel's name (PEP 427): `name-version(-build)-python-abi-platform.whl`. */
export interface WheelName {
  readonly project: string
  readonly version: string
  readonly python: string
  readonly platform: string
}

export const parseWheelName = (filename: string): WheelName | null => {
  const parts = /^(.+)\.whl$/.exec(filename)?.[1]?.split('-')
  if (parts === undefined || parts.length < 5) return null
  return { project: parts[0]!, version: parts[1]!, python: parts.at(-3)!, platform: parts.at(-1)! }
}

/** Numbers of a final release, `[2, 21, 0]`; null for anything else, a release candidate say. */
export const releaseOf = (version: string): ReadonlyArray<number> | null =>
  /^\d+(\.\d+)*$/.test(version) ? version.split('.').map(Number) : null

export const compareReleases = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Does a version fulfil `>=12.5,<13.0`? Knows >=, <=, >, <, == and !=; anything else counts as not fulfilled. */
export const satisfies = (version: string, specifier: string): boolean => {
  const release = releaseOf(version)
  if (release === null) return false
  return specifier
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .every((part) => {
      const [, operator, bound] = /^(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)$/.exec(part) ?? []
      const other = bound === undefined ? null : releaseOf(bound)
      if (other === null) return false
      const order = compareReleases(release, other)
      switch (operator) {
        case '>=':
          return order >= 0
        case '<=':
          return order <= 0
        case '>':
          return order > 0
        case '<':
          return order < 0
        case '==':
          return order === 0
        default:
          return order !== 0
      }
    })
}

/** Processor in Python's words. */
export const machineOf = (arch: string): string => ({ x64: 'x86_64', arm64: 'aarch64' })[arch] ?? arch

/** `tensorflow-cpu` has no wheels for ARM; there plain `tensorflow` has no CUDA. */
export const tensorflowProject = (variant: Variant, arch: string): string =>
  variant === 'cuda' || arch === 'arm64' ? 'tensorflow' : 'tensorflow-cpu'

export interface WheelWish {
  readonly project: string
  /** What pip writes behind a project's name: `==2.21.0`, `>=12.5,<13`. */
  readonly specifier: string
  /** Node's word: x64, arm64. */
  readonly arch: string
}

/**
 * The newest Linux wheel that fits. The C library is the same in the wheels of every Python: the one of the oldest Python is taken, so that
 * the choice does not depend on the order of the index.
 */
export const chooseWheel = (files: ReadonlyArray<IndexFile>, { project, specifier, arch }: WheelWish): IndexFile => {
  const fitting = files.flatMap((file) => {
    const name = parseWheelName(file.filename)
    if (name === null || !satisfies(name.version, specifier)) return []
    const platforms = name.platform.split('.')
    return platforms.some((platform) => /^manylinux/.test(platform) && platform.endsWith(`_${machineOf(arch)}`))
      ? [{ file, release: releaseOf(name.version)!, python: Number(/\d+/.exec(name.python)?.[0] ?? 0) }]
      : []
  })
  const [best] = fitting.sort((a, b) => compareReleases(b.release, a.release) || a.python - b.python)
  if (best === undefined)
    throw new SetupFault(
      `The package index has no wheel of ${project}${specifier} for Linux on ${machineOf(arch)}; choose a TensorFlow version with --version.`,
    )
  return best.file
}

/** The requirements of an extra in a wheel's METADATA: `[{ project: 'nvidia-cudnn-cu12', specifier: '<10.0,>=9.3' }]`. */
export const requirementsOf = (
  metadata: string,
  extra: string,
): ReadonlyArray<Pick<WheelWish, 'project' | 'specifier'>> =>
  [...metadata.matchAll(/^Requires-Dist:\s*([A-Za-z0-9._-]+)\s*\(?([^;)\n]*)\)?\s*;(.*)$/gm)]
    .filter(([, , , marker]) => new RegExp(`extra\\s*==\\s*["']${extra}["']`).test(marker!))
    .map(([, project, specifier]) => ({ project: project!.toLowerCase(), specifier: specifier!.trim() }))

/** Where a member of TensorFlow's wheel goes under `deps`: its two libraries and the headers the addon needs; null: not needed. */
export const tensorflowMember = (name: string): string | null => {
  const library = /^tensorflow\/(libtensorflow(?:_cc|_framework)\.so\.\d+)$/.exec(name)
  if (library !== null) return `lib/${library[1]!}`
  return /^tensorflow\/include\/(tensorflow\/c|tensorflow\/core\/platform|tsl\/platform|xla\/tsl)\/.*[^/]$/.test(name)
    ? name.replace(/^tensorflow\//, '')
    : null
}

/**
 * Where a member of one of NVIDIA's wheels goes: its libraries keep their places. TensorFlow's libraries look in `$ORIGIN/../nvidia/<part>/lib`
 * by themselves, as they do in a Python installation, so LD_LIBRARY_PATH is not needed.
 */
export const cudaMember = (name: string): string | null =>
  /^nvidia\/.+\/lib\/[^/]+\.so(?:\.[0-9.]+)?$/.test(name) ? name : null
