import { statfsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Variant } from './folder.ts'

/** What decides whether the addon can be built on a machine. */
export interface Machine {
  readonly platform: string
  readonly arch: string
  /** `process.versions.node`. */
  readonly node: string
  /** Version of the GNU C library; null where the system has another one (Alpine). */
  readonly glibc: string | null
}

export const thisMachine = (): Machine => {
  const report = process.report.getReport() as unknown as {
    readonly header?: { readonly glibcVersionRuntime?: string }
  }
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    glibc: report.header?.glibcVersionRuntime ?? null,
  }
}

const atLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a > major || (a === major && b >= minor)
}

/** Oldest glibc of the wheels: manylinux_2_27. */
const GLIBC = [2, 27] as const
const NODE = [20, 11] as const

/** Why the wheel's library cannot be used on a machine, in one sentence; null when it can. */
export const refusalOf = ({ platform, arch, node, glibc }: Machine, variant: Variant): string | null => {
  if (!atLeast(node, NODE))
    return `TensorFlow needs Node ${NODE.join('.')} or newer and this is ${node}; install a newer one from https://nodejs.org.`
  if (platform !== 'linux')
    return `TensorFlow's library is built against on Linux only and this is ${platform}; use WSL or a Linux container, or train on wasm, which needs no set-up.`
  if (arch !== 'x64' && !(arch === 'arm64' && variant === 'cpu'))
    return `There is no TensorFlow library${variant === 'cuda' ? ' with CUDA' : ''} for ${arch}; train on wasm, which needs no set-up.`
  if (glibc === null)
    return "TensorFlow's library needs the GNU C library and this system has another one (Alpine has musl); use a Debian, Ubuntu or Fedora image, or train on wasm."
  if (!atLeast(glibc, GLIBC))
    return `TensorFlow's library needs glibc ${GLIBC.join('.')} or newer and this is ${glibc}; use a newer system, or train on wasm.`
  return null
}

/** Bytes that an installation takes at its peak, the archives included: measured 1.4 GB (cpu); the CUDA wheels say 7.5 GB. */
export const spaceNeeded = { cpu: 1.6e9, cuda: 9e9 } as const

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

export const spaceRefusal = (free: number, variant: Variant, folder: string): string | null =>
  free >= spaceNeeded[variant]
    ? null
    : `${folder} has ${gigabytes(free)} free and TensorFlow needs ${gigabytes(spaceNeeded[variant])}; free some, or name another folder with --dir.`

/** Bytes free where `folder` is. */
export const freeSpace = (folder: string): number => {
  const { bavail, bsize } = statfsSync(resolve(folder))
  return bavail * bsize
}
