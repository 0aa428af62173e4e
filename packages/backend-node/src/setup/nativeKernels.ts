import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findCompiler } from './compile.ts'
import type { Log } from './log.ts'
import { runLogged } from './runLogged.ts'

/** Sources of Durian's own operations for TensorFlow, shipped with this package. */
const sources = fileURLToPath(new URL('../../native/', import.meta.url))

const flags = [
  ...['-std=c++17', '-O3', '-march=native', '-fopenmp-simd', '-fno-math-errno', '-fno-trapping-math'],
  // IS_SLIM_BUILD: without headers of TensorFlow that its wheel's C interface does not need
  ...['-fPIC', '-shared', '-DNAPI_VERSION=8', '-DIS_SLIM_BUILD'],
]

/** Changes with the sources, with how they are compiled and with the processor they are compiled for. */
const fingerprint = (): string => {
  const hash = createHash('sha256').update([...flags, process.arch, cpus()[0]?.model ?? ''].join('\n'))
  for (const name of readdirSync(sources).sort()) hash.update(name).update(readFileSync(join(sources, name)))
  return hash.digest('hex').slice(0, 12)
}

/** Where the compiled operations of these sources for this processor lie in an installed tfjs-node. */
export const nativeKernelsIn = (tfjsNode: string): string =>
  join(tfjsNode, 'lib', 'napi-v8', `durian_kernels_${fingerprint()}.node`)

/**
 * Compile them into an installation, unless they are there. Says whether they are there afterwards: without a compiler, or
 * where the library is too old for them, TensorFlow computes with its own operations, slower and as right.
 */
export const compileNativeKernels = async (tfjsNode: string, log: Log): Promise<boolean> => {
  const to = nativeKernelsIn(tfjsNode)
  if (existsSync(to)) return true
  const compiler = findCompiler()
  const headers = join(tfjsNode, 'deps', 'include', 'tensorflow', 'c', 'kernels.h')
  if (compiler === null || !existsSync(headers)) {
    log.write(compiler === null ? 'no compiler for the kernels' : `${headers} is missing: no kernels`)
    return false
  }
  const files = readdirSync(sources).filter((name) => name.endsWith('.cc'))
  const libraries = readdirSync(join(tfjsNode, 'deps', 'lib')).filter((name) =>
    /^libtensorflow(_cc|_framework)?\.so/.test(name),
  )
  const { code } = await runLogged({
    command: compiler,
    args: [
      ...flags,
      ...['-I../../node-api-headers/include', '-Ideps/include', ...files.map((name) => join(sources, name))],
      ...['-Ldeps/lib', ...libraries.sort().map((library) => `-l:${library}`), '-Wl,-rpath,$ORIGIN/../../deps/lib'],
      ...['-o', to],
    ],
    cwd: tfjsNode,
    log,
  })
  return code === 0 && existsSync(to)
}
