import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { environment } from '../environment.ts'
import { bundle } from './bundle.ts'
import { ARCHIVE, copied, debianPackages, MOST_BYTES, nvidiaIcd } from './layout.ts'
import { licenceText, nodeLicence, standardTexts } from './licences.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/** Something that is missing for an archive, in one sentence with what mends it. */
export class CannotMake extends Error {}

const run = (
  command: string,
  args: ReadonlyArray<string>,
  { cwd, mend }: { readonly cwd: string; readonly mend: string },
) => {
  try {
    execFileSync(command, [...args], {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { XZ_DEFAULTS: '-T0', ...process.env },
    })
  } catch (thrown) {
    const { code, stderr } = thrown as { readonly code?: string; readonly stderr?: Buffer }
    const said = stderr?.toString().trim().split('\n').at(-1) ?? ''
    throw new CannotMake(`${command} ${code === 'ENOENT' ? 'is not installed' : `failed (${said})`}; ${mend}.`)
  }
}

/** Files below a folder, not through links, with their paths from there. */
const filesBelow = (folder: string, below = ''): ReadonlyArray<string> =>
  readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name)
    return entry.isDirectory() ? filesBelow(folder, path) : [path]
  })

const place = (folder: string, path: string, content: string): void => {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** Libraries of Debian's packages into `lib` and `lib-more`, with their copyright files. Gives the packages with their checksums. */
const addLibraries = (
  stage: string,
  scratch: string,
): ReadonlyArray<{ readonly file: string; readonly sha256: string }> => {
  const downloads = join(scratch, 'debian')
  mkdirSync(downloads)
  run('apt-get', ['download', ...Object.values(debianPackages).flat()], {
    cwd: downloads,
    mend: 'the libraries come from Debian: make the archive on Debian or Ubuntu, after `apt-get update`',
  })
  const found = readdirSync(downloads)
  for (const [target, names] of Object.entries(debianPackages)) {
    mkdirSync(join(stage, target))
    for (const name of names) {
      const file = found.find((one) => one.startsWith(`${name}_`))
      if (file === undefined)
        throw new CannotMake(`apt-get downloaded no ${name}; run \`apt-get update\` and try again.`)
      const unpacked = join(scratch, name)
      run('dpkg-deb', ['-x', join(downloads, file), unpacked], { cwd: scratch, mend: 'it comes with Debian' })
      for (const path of filesBelow(unpacked)) {
        const from = join(unpacked, path)
        if (/\/lib[^/]*\.so(\.\d+)+$/.test(path)) addLibrary(from, join(stage, target))
      }
      place(stage, `LICENSES/${name}.txt`, copyrightOf(name, unpacked))
    }
  }
  return found.map((file) => ({
    file,
    sha256: createHash('sha256')
      .update(readFileSync(join(downloads, file)))
      .digest('hex'),
  }))
}

/** Some packages' copyright is that of another on which they depend: then the file of this machine, whose release it is too. */
const copyrightOf = (name: string, unpacked: string): string => {
  const place = `usr/share/doc/${name}/copyright`
  const file = [join(unpacked, place), join('/', place)].find((one) => existsSync(one))
  if (file === undefined)
    throw new CannotMake(`The licence of Debian's ${name} is nowhere here: \`apt-get install ${name}\`.`)
  return readFileSync(file, 'utf8')
}

const addLibrary = (from: string, folder: string): void => {
  const to = join(folder, basename(from))
  if (lstatSync(from).isSymbolicLink()) symlinkSync(basename(execFileSync('readlink', [from]).toString().trim()), to)
  else copyFileSync(from, to)
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/**
 * Make the archive: everything that measures a GPU on a machine with nothing but its driver.
 *
 * @param out - the file; `.tar.xz` or `.tar.gz`
 * @throws CannotMake with a sentence
 */
export const makeArchive = async (out: string, say: (line: string) => void): Promise<void> => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new CannotMake(
      `The archive is for linux-x64 and takes this Node.js along: make it there, not on ${process.platform}-${process.arch}.`,
    )
  const packing = { '.tar.xz': '-cJf', '.tar.gz': '-czf' }[/\.tar\.(xz|gz)$/.exec(out)?.[0] ?? '']
  if (packing === undefined) throw new CannotMake(`--out ${out}: its name must end in .tar.xz or .tar.gz.`)
  const scratch = mkdtempSync(join(tmpdir(), 'durian-archive-'))
  try {
    const stage = join(scratch, ARCHIVE)
    for (const [to, from] of Object.entries(copied(root))) {
      if (!existsSync(from)) throw new CannotMake(`${from} is missing; run \`npm run setup\`.`)
      mkdirSync(dirname(join(stage, to)), { recursive: true })
      copyFileSync(from, join(stage, to))
    }
    copyFileSync(process.execPath, join(stage, 'node'))
    for (const file of ['node', 'run.sh']) chmodSync(join(stage, file), 0o755)
    run('strip', [join(stage, 'node')], { cwd: scratch, mend: '`apt-get install binutils`' })
    place(stage, 'LICENSES/node.txt', nodeLicence(process.execPath))
    place(stage, 'icd/nvidia_icd.json', `${JSON.stringify(nvidiaIcd, null, 2)}\n`)

    const packages = await bundle(join(stage, 'app', 'durian-gpu.mjs'))
    const apache = packages.find(({ name }) => name === 'long')
    if (apache === undefined)
      throw new CannotMake('The bundle no longer holds `long`, whose file has the text of the Apache licence.')
    const standard = standardTexts(join(root, 'LICENSE'), join(apache.folder, 'LICENSE'))
    const dawn = join(root, 'packages', 'bench', 'node_modules', 'webgpu')
    for (const { name, folder } of [...packages, { name: 'webgpu', folder: dawn }])
      place(stage, `LICENSES/${name.replace('/', '-')}.txt`, licenceText(folder, standard))

    const debian = addLibraries(stage, scratch)
    for (const { file, sha256 } of debian) say(`${sha256}  ${file}`)
    const { commit, node } = environment()
    const { version } = JSON.parse(readFileSync(join(dawn, 'package.json'), 'utf8')) as { readonly version: string }
    place(
      stage,
      'app/manifest.json',
      `${JSON.stringify({ commit, made: new Date().toISOString(), node, webgpu: version, debian }, null, 2)}\n`,
    )

    const made = resolve(out)
    run('tar', ['--owner=0', '--group=0', packing, made, ARCHIVE], {
      cwd: scratch,
      mend: '`apt-get install xz-utils`, or --out FILE.tar.gz',
    })
    const bytes = statSync(made).size
    const sizes = filesBelow(stage)
      .map((path) => ({ path, size: lstatSync(join(stage, path)).size }))
      .sort((a, b) => b.size - a.size)
    const largest = sizes.slice(0, 6).map(({ path, size }) => `${path} ${mebibytes(size)}`)
    say(
      `${made}: ${mebibytes(bytes)}; unpacked ${mebibytes(sizes.reduce((total, { size }) => total + size, 0))}, of it ${largest.join(', ')}`,
    )
    if (bytes > MOST_BYTES)
      throw new CannotMake(
        `The archive has ${mebibytes(bytes)} and may have ${mebibytes(MOST_BYTES)}; its largest parts, unpacked: ${largest.join(', ')}.`,
      )
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
