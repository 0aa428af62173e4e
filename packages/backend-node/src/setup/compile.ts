import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { SetupFault } from './fault.ts'
import { tfjsNodeIn } from './folder.ts'
import type { Log } from './log.ts'
import { runLogged } from './runLogged.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** CXX, else the first of c++, g++ and clang++ on PATH; null when there is none. */
export const findCompiler = (env: Environment = process.env): string | null => {
  const named = env['CXX']
  if (named !== undefined && named !== '') return named
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const name of ['c++', 'g++', 'clang++']) {
    if (folders.some((folder) => existsSync(join(folder, name)))) return name
  }
  return null
}

export const noCompiler =
  'There is no C++ compiler to build the addon with; install one (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++; older Red Hat: yum install gcc-c++) and run the same command again.'

/**
 * Arguments that build tfjs-node's addon from its own sources against the libraries in `deps/lib`, run in the package's folder.
 */
export const compileArguments = (libraries: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
  ...['-I../../node-api-headers/include', '-Ideps/include', 'binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'],
  ...['-Ldeps/lib', ...libraries.map((library) => `-l:${library}`)],
  ...['-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', 'lib/napi-v8/tfjs_binding.node'],
]

/** Build the addon of the package in an installation's folder. */
export const compileAddon = async (folder: string, log: Log): Promise<void> => {
  const compiler = findCompiler()
  if (compiler === null) throw new SetupFault(noCompiler)
  const cwd = tfjsNodeIn(folder)
  const libraries = (await readdir(join(cwd, 'deps', 'lib'))).filter((name) =>
    /^libtensorflow(_cc|_framework)?\.so/.test(name),
  )
  await mkdir(join(cwd, 'lib', 'napi-v8'), { recursive: true })
  const { code, text } = await runLogged({ command: compiler, args: compileArguments(libraries.sort()), cwd, log })
  if (code === 0) return
  if (/No space left/i.test(text))
    throw new SetupFault(`No space left while compiling in ${cwd}; free some and run the same command again.`)
  const first = text.split('\n').find((line) => /error/i.test(line)) ?? text.split('\n')[0]
  throw new SetupFault(`${compiler} could not build the addon (${first?.trim()}); the whole log is in ${log.path}.`)
}
