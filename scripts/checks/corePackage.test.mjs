import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium, served } from '../lib/browser.mjs'
import { isNetworkFailure, lastError, pnpmFolder } from '../lib/pnpm.mjs'
import { npmCommand, root, run, toolEnvironment } from '../lib/process.mjs'

/*
 * @durian/core as a stranger gets it: packed, then installed into an empty project, type-checked, run in Node and in a browser.
 */

const core = join(root, 'packages', 'core')
const tools = createRequire(join(core, 'package.json'))
const bin = (name) => join(core, 'node_modules', '.bin', name)
/** Gzipped and minified, everything that '@durian/core' exports but the SIMD kernels. */
const BUDGET = 30_000

let folder = ''
let tarball = ''
let project = ''
let env = process.env
/** Why nothing could be installed, when the registry could not be reached. */
let offline

const ran = async (command, options = {}) => {
  const { code, text } = await run(command, { env, cwd: project, ...options })
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${text}`)
  return text.trim()
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'durian-package-'))
  env = toolEnvironment(await pnpmFolder())
  const packed = await run(['pnpm', 'pack', '--json', '--pack-destination', folder], { env, cwd: core })
  if (packed.code !== 0) throw new Error(packed.text)
  tarball = JSON.parse(packed.text.slice(packed.text.indexOf('{'))).filename
  project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  const install = [...npmCommand(), 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball]
  const { code, text } = await run([...install, 'fast-check@4.10.2'], { env, cwd: project })
  if (code !== 0 && !isNetworkFailure(text)) throw new Error(text)
  if (code !== 0) offline = lastError(text)
}, 180_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** For tests that use the installed package. */
const needInstall = (context) => {
  if (offline === undefined) return
  if (process.env.DURIAN_REQUIRE_REGISTRY) throw new Error(offline)
  context.skip(`the package registry cannot be reached (${offline})`)
}

const listed = async () => (await ran(['tar', 'tzf', tarball], { cwd: folder })).split('\n')

describe('the tarball', () => {
  it('names only files it holds, no sources condition, and versions instead of workspace words', async () => {
    const files = new Set(await listed())
    const manifest = JSON.parse(await ran(['tar', 'xzOf', tarball, 'package/package.json'], { cwd: folder }))
    for (const target of Object.values(manifest.exports)) {
      expect(Object.keys(typeof target === 'string' ? {} : target)).not.toContain('source')
      for (const path of typeof target === 'string' ? [target] : Object.values(target))
        expect(files).toContain(path.replace('./', 'package/'))
    }
    expect(Object.keys(manifest.exports)).toEqual(['.', './codec', './laws', './wasm', './package.json'])
    expect(JSON.stringify([manifest.dependencies, manifest.peerDependencies])).not.toMatch(/workspace:|catalog:/)
  })

  it('holds a readme, the licence, and for each module its types, its map and the source the map points to; no tests', async () => {
    const files = await listed()
    expect(files).toContain('package/README.md')
    expect(files).toContain('package/LICENSE')
    expect(files.filter((file) => /test/i.test(file))).toEqual([])
    const sources = files.filter((file) => /^package\/src\/.*\.ts$/.test(file))
    expect(sources.length).toBeGreaterThan(80)
    for (const source of sources) {
      const built = source.replace('/src/', '/dist/').replace(/\.ts$/, '')
      for (const ending of ['.js', '.d.ts', '.js.map', '.d.ts.map']) expect(files).toContain(built + ending)
    }
  })

  it('satisfies publint and are-the-types-wrong', async () => {
    await ran([bin('publint'), 'run', tarball, '--strict'], { cwd: folder })
    await ran([bin('attw'), tarball, '--profile', 'esm-only', '--no-emoji'], { cwd: folder })
  })
})

/** What a bundler makes of a program, minified. */
const bundled = async (input, external = []) => {
  const { rolldown } = await import(pathToFileURL(tools.resolve('rolldown')).href)
  const bundle = await rolldown({ input, external, cwd: project, platform: 'browser', logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  return output.map((chunk) => chunk.code ?? '').join('')
}

describe('in an empty project', () => {
  it('type-checks with every public name, as Node and as bundlers resolve it, dependencies included', async (context) => {
    needInstall(context)
    writeFileSync(
      join(project, 'uses.ts'),
      `import { durianAdvantages, durianDefaults, referenceOps, visualEntropy, type Sample } from '@durian/core'
       import { AdvantageRow, problems } from '@durian/core/codec'
       import { allLaws } from '@durian/core/laws'
       const samples: ReadonlyArray<Sample> = [{ rewards: [1, null, 0], entropy: 1, confidence: -2 }]
       export const first: number | null = durianAdvantages(samples, durianDefaults).advantages[0]![0]!
       export const entropy: number = visualEntropy({ rows: 2, cols: 1, data: new Float32Array([1, 2]) })
       export const row = AdvantageRow.decode({ id: 'a', rewards: [1] })
       export const used = [referenceOps.shape, problems, allLaws]
       // @ts-expect-error a reward is a number or null
       export const wrong: Sample = { rewards: ['1'], entropy: null, confidence: null }
      `,
    )
    const typescript = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const flags = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--target',
      'es2022',
      '--lib',
      'es2023',
    ]
    const checked = (...more) => ran([process.execPath, typescript, '--noEmit', ...flags, ...more, 'uses.ts'])
    await checked('--module', 'nodenext')
    await checked('--module', 'esnext', '--moduleResolution', 'bundler', '--skipLibCheck') // the libraries have been checked
  })

  it('loads all three entries in Node', async (context) => {
    needInstall(context)
    const program = `
      import { visualEntropy } from '@durian/core'
      import { AdvantageRow } from '@durian/core/codec'
      import { allLaws } from '@durian/core/laws'
      console.log(visualEntropy({ rows: 4, cols: 2, data: [1, 0, -1, 0, 0, 1, 0, -1] }).toFixed(6), AdvantageRow.name, typeof allLaws)`
    expect(await ran([process.execPath, '--input-type=module', '-e', program])).toBe(
      '0.693147 a record with id and rewards function',
    )
  })

  it(`is at most ${BUDGET / 1000} kB for a page that uses all of it, kernels apart`, async (context) => {
    needInstall(context)
    writeFileSync(join(project, 'all.mjs'), `export * from '@durian/core'\n`)
    const size = gzipSync(await bundled('all.mjs', [/kernels\/(simd|float64)|wasm\//])).length
    expect(size).toBeGreaterThan(5_000) // else nothing was bundled
    expect(size).toBeLessThan(BUDGET)
    writeFileSync(join(project, 'some.mjs'), `export { rewardEstimator } from '@durian/core'\n`)
    expect(gzipSync(await bundled('some.mjs')).length).toBeLessThan(4_000) // what is not used falls away
    expect(gzipSync(await bundled('all.mjs')).length).toBeLessThan(25_000) // as the readme says
  })
})

const prompts = ['flat picture, sure', 'busy picture, unsure', 'text only, solved']

describe('examples', () => {
  const example = async () => {
    copyFileSync(join(root, 'examples', 'math-only.mjs'), join(project, 'math-only.mjs'))
    return ran([process.execPath, 'math-only.mjs'])
  }

  it('math-only.mjs prints the advantages of its prompts', async (context) => {
    needInstall(context)
    const lines = (await example()).split('\n')
    expect(lines.map((line) => line.split(':')[0])).toEqual(prompts)
    expect(lines[0]).toMatch(/entropy 0\.000, .*advantages 0\.\d+ 0\.\d+ 0\.\d+ -\d/)
    expect(lines[2]).toMatch(/entropy -, .*advantages 0\.000 0\.000 0\.000 0\.000$/)
  })

  it('those of the readme print what it says', async (context) => {
    needInstall(context)
    const readme = readFileSync(join(core, 'README.md'), 'utf8')
    const examples = [...readme.matchAll(/```js\n([^]*?)```\n\nprints\n\n```text\n([^]*?)\n```/g)]
    expect(examples).toHaveLength(2)
    for (const [, program, printed] of examples) {
      writeFileSync(join(project, 'readme.mjs'), program)
      expect(await ran([process.execPath, 'readme.mjs'])).toBe(printed)
    }
  })

  it('the page in browser/ prints the same, from modules as installed and from a bundle', async (context) => {
    needInstall(context)
    const { path: chromium, missing } = findChromium()
    if (missing) context.skip(missing)
    const expected = await example()
    cpSync(join(root, 'examples', 'browser'), join(project, 'browser'), { recursive: true })
    const page = readFileSync(join(project, 'browser', 'index.html'), 'utf8')
    mkdirSync(join(project, 'bundled'), { recursive: true })
    writeFileSync(join(project, 'bundled', 'math-only.mjs'), await bundled('math-only.mjs'))
    writeFileSync(
      join(project, 'bundled', 'index.html'),
      page.replace(/<script type="importmap">[^]*?<\/script>/, '').replace('../math-only.mjs', './math-only.mjs'),
    )
    const server = await served(project)
    try {
      for (const path of ['browser', 'bundled']) {
        const url = `http://127.0.0.1:${server.address().port}/${path}/index.html`
        const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`]
        const dom = await ran([chromium, ...flags, '--virtual-time-budget=20000', '--dump-dom', url])
        expect(/<pre id="advantages">([^]*?)<\/pre>/.exec(dom)?.[1]).toBe(expected)
      }
    } finally {
      server.close()
    }
  })

  it('durian_advantages.py sends rollouts through the command line', async (context) => {
    const python = process.env.DURIAN_PYTHON ?? 'python3'
    const found = await run([python, '--version'], { env })
    if (found.code !== 0) {
      if (process.env.DURIAN_REQUIRE_PYTHON) throw new Error('no Python; DURIAN_PYTHON names one')
      context.skip('no Python; DURIAN_PYTHON names one')
    }
    const program = join(root, 'examples', 'python', 'durian_advantages.py')
    const durian = [process.execPath, join(root, 'packages', 'trainer', 'dist', 'cli', 'main.js')]
    const lines = (await ran([python, program, ...durian], { cwd: root })).split('\n')
    expect(lines).toHaveLength(6)
    for (const [s, line] of lines.entries())
      expect(line).toMatch(
        new RegExp(`^prompt-${s}: \\d of 8 right; a right answer gets [+-]\\d\\.\\d{3} \\(GRPO [+-]\\d\\.\\d{3}\\)$`),
      )
    const bad = `import durian_advantages as d
try: d.durian_advantages([{"id": "a", "rewards": []}], ${JSON.stringify(durian)})
except ValueError as error: print(error)`
    const said = await ran([python, '-c', bad], {
      cwd: join(root, 'examples', 'python'),
      env: { ...env, PYTHONDONTWRITEBYTECODE: '1' },
    })
    expect(said).toBe('Standard input, line 1: rewards: the array is empty.')
  })
})
