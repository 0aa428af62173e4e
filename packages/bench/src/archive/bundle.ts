import { fileURLToPath } from 'node:url'

/** A package whose code the bundle holds. */
export interface BundledPackage {
  readonly name: string
  /** Its folder. */
  readonly folder: string
  /** Bytes of code in the bundle. */
  readonly bytes: number
}

const source = fileURLToPath(new URL('../../src/gpu/main.ts', import.meta.url))

/** Dawn's binary is found by its place, and the pictures' library is never called. */
const external = ['webgpu', 'sharp']

/** The program and everything it imports in one file, from the sources: nothing needs to be built before. */
export const bundle = async (file: string): Promise<ReadonlyArray<BundledPackage>> => {
  const { rolldown } = await import('rolldown')
  const build = await rolldown({
    input: source,
    platform: 'node',
    external,
    resolve: { conditionNames: ['source', 'node', 'import', 'default'] },
    logLevel: 'silent',
  })
  const { output } = await build.write({ file, format: 'esm', codeSplitting: false, minify: 'dce-only' })
  const packages = new Map<string, BundledPackage>()
  for (const chunk of output) {
    if (chunk.type !== 'chunk') throw new Error(`the bundle has a second file, ${chunk.fileName}`)
    for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
      const found = renderedLength === 0 ? null : /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id)
      if (found === null) continue
      const [, folder, name] = found as unknown as readonly [string, string, string]
      packages.set(folder, { name, folder, bytes: (packages.get(folder)?.bytes ?? 0) + renderedLength })
    }
  }
  return [...packages.values()]
}
