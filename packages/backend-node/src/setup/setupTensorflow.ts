import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { either as E, type taskEither as TE } from 'fp-ts'
import { compileAddon, findCompiler, noCompiler } from './compile.ts'
import { download, sha256Of, sizeOf } from './download.ts'
import { reasonOf, SetupFault } from './fault.ts'
import {
  currentInstallation,
  currentName,
  manifestName,
  readManifest,
  tensorflowHome,
  tfjsNodeIn,
  versions,
  type Manifest,
  type Variant,
} from './folder.ts'
import { withHomeLock } from './lock.ts'
import { openLog, type Log } from './log.ts'
import { compileNativeKernels } from './nativeKernels.ts'
import { installOfficial, officialAnswers } from './official.ts'
import { fetchIndex } from './packageIndex.ts'
import { pinnedSha256 } from './pinned.ts'
import { freeSpace, refusalOf, spaceRefusal, thisMachine } from './platform.ts'
import { probeEngine } from './probe.ts'
import { runLogged } from './runLogged.ts'
import { readMember, unzip } from './unzip.ts'
import { chooseWheel, cudaMember, requirementsOf, tensorflowMember, tensorflowProject } from './wheel.ts'

export interface SetupOptions {
  readonly variant: Variant
  /** TensorFlow's version; null: the official binary where its host answers, else the version of the recipe. */
  readonly version: string | null
  /** Instead of the user's data folder. */
  readonly dir: string | null
  /** A wheel that is already here, instead of the package index. */
  readonly wheel: string | null
  readonly onStage?: (text: string) => void
  readonly onBytes?: (file: string, done: number, total: number | null) => void
}

export interface SetupResult {
  /** The tfjs-node package that backends take from now on. */
  readonly folder: string
  readonly home: string
  readonly manifest: Manifest
  /** What the backend says of itself after its self-test in a fresh process. */
  readonly description: string
  /** It was there before. */
  readonly kept: boolean
  readonly log: string
}

/** Everything a stage of the work needs to know. */
interface Job {
  readonly options: SetupOptions
  readonly home: string
  /** The unfinished installation. */
  readonly folder: string
  readonly log: Log
  readonly say: (text: string) => void
}

const packageManifest = {
  name: 'durian-tensorflow',
  private: true,
  dependencies: { '@tensorflow/tfjs-node': versions.tfjsNode, 'node-api-headers': versions.nodeApiHeaders },
}

/** The JavaScript of tfjs-node and what it depends on, by npm: it checks integrity and honours the user's registry. */
const installPackages = async ({ folder, log, say }: Job): Promise<void> => {
  say(`Installing @tensorflow/tfjs-node ${versions.tfjsNode} without its install script`)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify(packageManifest, null, 2))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  const { code, text } = await runLogged({ command: 'npm', args: ['install', ...flags], cwd: folder, log })
  if (code === 0) return
  if (code === null)
    throw new SetupFault('npm cannot be started; put it on PATH (it comes with Node) and run the same command again.')
  if (/ENOSPC/.test(text)) throw new SetupFault(`No space left in ${folder}; free some and run the same command again.`)
  const why = text.split('\n').find((line) => /npm error|npm ERR/i.test(line)) ?? 'no reason given'
  throw new SetupFault(`npm could not install @tensorflow/tfjs-node (${why.trim()}); the whole log is in ${log.path}.`)
}

interface Wanted {
  readonly project: string
  readonly specifier: string
}

/** A wheel from the index, verified; it waits in `downloads` until the installation is finished. */
const fetchWheel = async ({ options, home, log, say }: Job, wanted: Wanted): Promise<string> => {
  const files = await fetchIndex(wanted.project)
  const file = chooseWheel(files, { ...wanted, arch: process.arch })
  const pinned = pinnedSha256[file.filename]
  const sha256 = pinned ?? file.sha256
  if (sha256 === null)
    throw new SetupFault(
      `The package index gives no sha256 for ${file.filename}, so it cannot be trusted; name another with PIP_INDEX_URL.`,
    )
  if (pinned !== undefined && file.sha256 !== null && file.sha256 !== pinned)
    throw new SetupFault(
      `The package index offers another ${file.filename} than the one published (sha256 ${file.sha256}); name another with PIP_INDEX_URL.`,
    )
  const to = join(home, 'downloads', file.filename)
  const before = await sizeOf(`${to}.part`)
  say(`Downloading ${file.filename}${before > 0 ? `, from ${Math.round(before / 1e6)} MB on` : ''}`)
  log.write(`${file.url} sha256 ${sha256}`)
  await download({ url: file.url, to, sha256, onBytes: (done, total) => options.onBytes?.(file.filename, done, total) })
  return to
}

const givenWheel = async (path: string, { log }: Job): Promise<string> => {
  if (!existsSync(path)) throw new SetupFault(`${path} does not exist; --wheel takes a downloaded wheel of TensorFlow.`)
  const [found, pinned] = [await sha256Of(path), pinnedSha256[basename(path)]]
  log.write(`${path} sha256 ${found}`)
  if (pinned !== undefined && pinned !== found)
    throw new SetupFault(`${path} is damaged: its sha256 is ${found} and not ${pinned}; download it again.`)
  return path
}

/** TensorFlow's library and headers into `deps` of the package, CUDA's libraries beside them. */
const installLibrary = async (job: Job): Promise<Manifest> => {
  const { options, folder, say } = job
  const { variant } = options
  const project = tensorflowProject(variant, process.arch)
  const specifier = `==${options.version ?? versions.tensorflow}`
  const wheel =
    options.wheel === null ? await fetchWheel(job, { project, specifier }) : await givenWheel(options.wheel, job)
  const to = join(tfjsNodeIn(folder), 'deps')
  await rm(to, { recursive: true, force: true })
  say(`Unpacking TensorFlow's library from ${basename(wheel)}`)
  const written = await unzip({ archive: wheel, to, place: tensorflowMember })
  if (!written.some((path) => path.includes('libtensorflow_cc')))
    throw new SetupFault(
      `${basename(wheel)} has no libtensorflow_cc.so; choose a newer TensorFlow with --version (2.12 or later).`,
    )
  const metadata = (await readMember(wheel, /^[^/]+\.dist-info\/METADATA$/)) ?? ''
  if (variant === 'cuda') {
    const needed = requirementsOf(metadata, 'and-cuda')
    if (needed.length === 0)
      throw new SetupFault(`${basename(wheel)} names no CUDA libraries; choose another TensorFlow with --version.`)
    for (const wanted of needed.filter(({ project: name }) => !/nvcc/.test(name))) {
      const archive = await fetchWheel(job, wanted)
      say(`Unpacking ${basename(archive)}`)
      await unzip({ archive, to, place: cudaMember })
      // 3 GB of archives are not kept beside what came out of them
      await rm(archive, { force: true })
    }
  }
  return {
    variant,
    source: 'wheel',
    tfjsNode: versions.tfjsNode,
    tensorflow: /^Version:\s*(\S+)/m.exec(metadata)?.[1] ?? options.version ?? versions.tensorflow,
    wheel: basename(wheel),
    sha256: await sha256Of(wheel),
  }
}

/** The environment in which a fresh process finds exactly this installation. */
const pointing = (folder: string): NodeJS.ProcessEnv => ({ ...process.env, DURIAN_TFJS_NODE: tfjsNodeIn(folder) })

/** Throws unless the installation computes in a process of its own; the backend's description. */
const proven = async (folder: string, log: Log): Promise<string> => {
  const { available, reason } = await probeEngine('tfjs-node', pointing(folder))
  log.write(`self-test: ${available ? 'passed' : 'failed'}, ${reason}`)
  if (!available)
    throw new SetupFault(`The addon is there and does not work: ${reason}; the whole log is in ${log.path}.`)
  return reason
}

/** The official binary where it is wanted, answers and works; null otherwise. */
const tryOfficial = async (job: Job): Promise<Manifest | null> => {
  const { options, folder, log, say } = job
  if (options.variant === 'cuda' || options.version !== null || options.wheel !== null) return null
  if (!(await officialAnswers())) {
    say('The host of the official binaries does not answer; building against the library of the Python wheel instead')
    return null
  }
  say("Downloading the official binaries with the package's own install script")
  if (await installOfficial(folder, log)) {
    try {
      await proven(folder, log)
      return {
        variant: 'cpu',
        source: 'official',
        tfjsNode: versions.tfjsNode,
        tensorflow: null,
        wheel: null,
        sha256: null,
      }
    } catch (thrown) {
      log.write(reasonOf(thrown))
    }
  }
  say('The official binaries do not work here; building against the library of the Python wheel instead')
  await rm(join(tfjsNodeIn(folder), 'lib'), { recursive: true, force: true })
  return null
}

const refuse = (sentence: string | null): void => {
  if (sentence !== null) throw new SetupFault(sentence)
}

/** Before hundreds of megabytes are moved: can it work at all? */
const checkMachine = ({ variant, version, wheel }: SetupOptions, home: string): void => {
  const buildOnly = variant === 'cuda' || version !== null || wheel !== null
  const machine = thisMachine()
  // elsewhere than on Linux the official binary is the only way
  if (buildOnly || machine.platform === 'linux') refuse(refusalOf(machine, variant))
  if (buildOnly && findCompiler() === null) refuse(noCompiler)
  refuse(spaceRefusal(freeSpace(home), variant, home))
}

const nameOf = ({ variant, tensorflow, source }: Manifest): string => `${tensorflow ?? source}-${variant}`

/** Durian's own operations for the processor; nothing fails without them. */
const addKernels = async (folder: string, { log, say }: Pick<Job, 'log' | 'say'>): Promise<void> => {
  say("Compiling Durian's kernels for this processor")
  if (!(await compileNativeKernels(tfjsNodeIn(folder), log)))
    say("Durian's kernels cannot be compiled here; TensorFlow computes with its own, slower ones")
}

/** Is what is there what is asked for? */
const fulfils = (manifest: Manifest, { variant, version, wheel }: SetupOptions): boolean =>
  manifest.tfjsNode === versions.tfjsNode &&
  manifest.variant === variant &&
  (version === null || manifest.tensorflow === version) &&
  (wheel === null || manifest.wheel === basename(wheel))

const build = async (options: SetupOptions, home: string): Promise<SetupResult> => {
  const log = openLog(join(home, 'setup.log'))
  const say = (text: string): void => {
    log.write(text)
    options.onStage?.(text)
  }
  const there = currentInstallation(home)
  if (there !== null && fulfils(there.manifest, options)) {
    try {
      await addKernels(there.folder, { log, say })
      const description = await proven(there.folder, log)
      return { ...there, folder: tfjsNodeIn(there.folder), home, description, kept: true, log: log.path }
    } catch (thrown) {
      say(`What is in ${there.folder} does not work any more (${reasonOf(thrown)}); building it anew`)
    }
  }
  checkMachine(options, home)
  const folder = join(home, '.building')
  await rm(folder, { recursive: true, force: true })
  const job: Job = { options, home, folder, log, say }
  await installPackages(job)
  let manifest = await tryOfficial(job)
  if (manifest === null) {
    refuse(refusalOf(thisMachine(), options.variant))
    if (findCompiler() === null) throw new SetupFault(noCompiler)
    manifest = await installLibrary(job)
    say('Compiling the addon')
    await compileAddon(folder, log)
  }
  await addKernels(folder, job)
  say('Testing it in a fresh process')
  const description = await proven(folder, log)
  const final = join(home, nameOf(manifest))
  await writeFile(join(folder, manifestName), JSON.stringify(manifest, null, 2))
  await rm(final, { recursive: true, force: true })
  await rename(folder, final)
  await writeFile(join(home, currentName), JSON.stringify({ folder: nameOf(manifest) }))
  await rm(join(home, 'downloads'), { recursive: true, force: true })
  return { folder: tfjsNodeIn(final), home, manifest, description, kept: false, log: log.path }
}

const asEither = async <A>(work: () => Promise<A>): Promise<E.Either<string, A>> => {
  try {
    return E.right(await work())
  } catch (thrown) {
    if (thrown instanceof SetupFault) return E.left(thrown.message)
    const { code, path } = thrown as { readonly code?: unknown; readonly path?: unknown }
    if (code === 'ENOSPC') return E.left('No space left on the disk; free some and run the same command again.')
    if (code === 'EACCES' || code === 'EROFS')
      return E.left(`${String(path)} cannot be written; name another folder with --dir.`)
    throw thrown
  }
}

/**
 * Make TensorFlow's native part available to `openNodeBackend`: the official binary where its host answers, else the addon built from
 * tfjs-node's own sources against the library of TensorFlow's Python wheel (about 24 s of compiling, 274 MB to fetch). A second call finds
 * what is there, tests it and ends. The left is one sentence with the mend.
 */
export const setupTensorflow =
  (options: SetupOptions): TE.TaskEither<string, SetupResult> =>
  () => {
    const home = tensorflowHome(options.dir ?? undefined)
    return asEither(() => withHomeLock(home, () => build(options, home)))
  }

/** Delete every installation in the folder and what was downloaded for it; the right is what was deleted. */
export const removeTensorflow =
  (dir: string | null): TE.TaskEither<string, ReadonlyArray<string>> =>
  () => {
    const home = tensorflowHome(dir ?? undefined)
    if (!existsSync(home)) return Promise.resolve(E.right([]))
    return asEither(async () => {
      const removed = await withHomeLock(home, async () => {
        const ours = (await readdir(home)).filter(
          (name) =>
            ['.building', 'downloads', currentName, 'setup.log'].includes(name) ||
            readManifest(join(home, name)) !== null,
        )
        for (const name of ours) await rm(join(home, name), { recursive: true, force: true })
        return ours.map((name) => join(home, name))
      })
      // only when nothing of somebody else is in it
      if ((await readdir(home)).length === 0) await rmdir(home)
      return removed
    })
  }
