import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolders } from './lib/fingerprint.mjs'
import { paperMapFaults } from './lib/paperMap.mjs'
import { root } from './lib/process.mjs'

const mapPath = 'docs/paper-map.md'

const sourceFiles = () =>
  packageFolders()
    .flatMap((folder) => readdirSync(join(folder, 'src'), { recursive: true }).map((name) => join(folder, 'src', name)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => ({ path: relative(root, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))

/** The faults of this checkout's docs/paper-map.md. */
export const faultsHere = () =>
  paperMapFaults({ root, mapPath, markdown: readFileSync(join(root, mapPath), 'utf8'), sources: sourceFiles() })

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const faults = faultsHere()
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (faults.length > 0) process.exitCode = 1
  else process.stdout.write(`${mapPath}: every cited equation has a row, every row holds.\n`)
}
