import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { download, sha256Of, sizeOf } from './download.ts'
import { SetupFault } from './fault.ts'
import { tfjsNodeIn, versions, type Manifest } from './folder.ts'
import type { Job } from './job.ts'
import { fetchIndex } from './packageIndex.ts'
import { pinnedSha256 } from './pinned.ts'
import { readMember, unzip } from './unzip.ts'
import { chooseWheel, cudaMember, requirementsOf, tensorflowMember, tensorflowProject } from './wheel.ts'

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
export const installLibrary = async (job: Job): Promise<Manifest> => {
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
