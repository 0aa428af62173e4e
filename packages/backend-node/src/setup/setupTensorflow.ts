import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { taskEither as TE } from 'fp-ts'
import { compileAddon, findCompiler, noCompiler } from './compile.ts'
import { asEither, reasonOf, SetupFault } from './fault.ts'
import {
  currentInstallation,
  currentName,
  manifestName,
  tensorflowHome,
  tfjsNodeIn,
  versions,
  type Manifest,
} from './folder.ts'
import type { Job, SetupOptions } from './job.ts'
import { installLibrary } from './library.ts'
import { withHomeLock } from './lock.ts'
import { openLog, type Log } from './log.ts'
import { compileNativeKernels } from './nativeKernels.ts'
import { installOfficial, officialAnswers } from './official.ts'
import { freeSpace, refusalOf, spaceRefusal, thisMachine } from './platform.ts'
import { probeEngine } from './probe.ts'
import { runLogged } from './runLogged.ts'

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

/** The environment in which a fresh process finds exactly this installation. */
const pointing = (folder: string): NodeJS.ProcessEnv => ({ ...process.env, DURIAN_TFJS_NODE: tfjsNodeIn(folder) })

/** Throws unless the installation computes in a process of its own; the backend's description. */
const proven = async (folder: string, log: Log): Promise<string> => {
  const { available, reason } = await probeEngine('tfjs-node', { env: pointing(folder) })
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
