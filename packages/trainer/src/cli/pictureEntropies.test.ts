import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { either as E } from 'fp-ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sentence } from '../errors.ts'
import { expected, fixtureDir } from '../policy/testing.ts'
import type { EntropyResult } from './featureEntropies.ts'
import {
  type EntropiesOptions,
  pictureEntropies,
  pictureFiles,
  pictureRows,
  type PictureRow,
} from './pictureEntropies.ts'

const picture = (i: number): string => join(fixtureDir, 'images', `${i}.png`)
const quiet = { update: () => undefined, line: () => undefined, stop: () => undefined }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-pictures-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Results in the order they were printed, or the sentence of the error; and what was said beside them. */
const entropies = async (
  rows: ReadonlyArray<PictureRow>,
  options: Partial<EntropiesOptions> = {},
): Promise<{
  readonly results: ReadonlyArray<EntropyResult>
  readonly error?: string
  readonly said: ReadonlyArray<string>
}> => {
  const results: Array<EntropyResult> = []
  const said: Array<string> = []
  const outcome = await pictureEntropies(rows, {
    model: fixtureDir,
    kind: 'merged',
    backend: 'wasm',
    onError: 'fail',
    workers: 1,
    progress: () => quiet,
    print: (result) => {
      results.push(result)
      return Promise.resolve()
    },
    say: (line) => said.push(line),
    ...options,
  })()
  return { results, said, ...(E.isLeft(outcome) ? { error: sentence(outcome.left) } : {}) }
}

const datasetRows = async (): Promise<ReadonlyArray<PictureRow>> => {
  const rows = await pictureRows(join(fixtureDir, 'rows.jsonl'))()
  if (E.isLeft(rows)) throw new Error(sentence(rows.left))
  return rows.right
}

describe('durian entropy of pictures', () => {
  it('golden: sees the rows of a data set as transformers does, all pictures of a row together', async () => {
    const { results } = await entropies(await datasetRows())
    expect(results.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
    expect(results.some(({ entropy }) => entropy !== null)).toBe(true)
    results.forEach(({ entropy }, i) => {
      const want = expected[i]!.visual_entropy
      if (want === undefined) expect(entropy).toBeNull()
      else expect(Math.abs(entropy! - want)).toBeLessThan(1e-5)
    })
  })

  it('counts rows of the feature matrix: patches before the merger, a quarter of them after', async () => {
    const rows = pictureFiles([picture(0)])
    const merged = (await entropies(rows)).results[0]!
    const patches = (await entropies(rows, { kind: 'patches' })).results[0]!
    expect(merged.id).toBe(picture(0))
    expect(patches.patches).toBe(4 * merged.patches)
    expect(patches.entropy).not.toBe(merged.entropy)
  })

  it('stops at a picture that cannot be read or decoded, or leaves it out and says so', async () => {
    const broken = join(folder, 'broken.png')
    await writeFile(broken, (await readFile(picture(0))).subarray(0, 40))
    const rows = pictureFiles([picture(1), join(folder, 'none.png'), broken, picture(0)])
    const stopped = await entropies(rows)
    expect(stopped.results.map(({ id }) => id)).toEqual([picture(1)])
    expect(stopped.error).toBe(`Picture ${join(folder, 'none.png')}: there is no such file.`)
    const skipped = await entropies(rows, { onError: 'skip' })
    expect(skipped.results.map(({ id }) => id)).toEqual([picture(1), picture(0)])
    expect(skipped.said).toEqual([
      `Skipped 2 of 4 rows. The first: Picture ${join(folder, 'none.png')}: there is no such file.`,
    ])
    expect((await entropies(pictureFiles([broken]))).error).toMatch(/broken\.png: it is no PNG/)
  })

  it('names the model folder that is none', async () => {
    expect((await entropies(pictureFiles([picture(0)]), { model: folder })).error).toMatch(
      /config\.json: there is no such file/,
    )
  })
})

describe('--cache', () => {
  it('looks at the same pictures once, whatever they are called, and knows another encoder', async () => {
    const cache = join(folder, 'cache')
    const lines = async (): Promise<number> =>
      (await readFile(join(cache, 'entropies.jsonl'), 'utf8')).split('\n').length - 1
    const copy = join(folder, 'copy.png')
    await writeFile(copy, await readFile(picture(0)))
    const first = await entropies(pictureFiles([picture(0), copy, picture(1)]), { cache })
    expect(await lines()).toBe(2)
    expect(first.results[1]).toEqual({ ...first.results[0]!, id: copy })
    expect((await entropies(pictureFiles([copy, picture(1)]), { cache })).results[0]).toEqual(first.results[1])
    expect(await lines()).toBe(2)
    await entropies(pictureFiles([copy]), { cache, kind: 'patches' })
    expect(await lines()).toBe(3)
  })

  it('is believed: what it holds is printed', async () => {
    const cache = join(folder, 'believed')
    await entropies(pictureFiles([picture(2)]), { cache })
    const file = join(cache, 'entropies.jsonl')
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"entropy":[\d.]+/, '"entropy":0.125'))
    expect((await entropies(pictureFiles([picture(2)]), { cache })).results[0]!.entropy).toBe(0.125)
  })

  it('survives a line that a crash cut off', async () => {
    const cache = join(folder, 'cut')
    const file = join(cache, 'entropies.jsonl')
    const whole = await entropies(pictureFiles([picture(0), picture(1)]), { cache })
    await truncate(file, (await readFile(file)).length - 20)
    await appendFile(file, '')
    expect(await entropies(pictureFiles([picture(0), picture(1)]), { cache })).toEqual(whole)
    expect(await entropies(pictureFiles([picture(0), picture(1)]), { cache })).toEqual(whole)
    const entries = (await readFile(file, 'utf8')).trim().split('\n')
    expect(entries).toHaveLength(3)
  })
})

describe('--num_workers', () => {
  const built = fileURLToPath(new URL('../../dist/cli/entropyWorker.js', import.meta.url))

  it('gives the same lines in the same order from any number of processes', async (context) => {
    if (!existsSync(built)) context.skip('the workers are not built (npm run build)')
    const rows = [...pictureFiles([0, 1, 2, 3].map(picture)), ...(await datasetRows())]
    const alone = await entropies(rows)
    expect(await entropies(rows, { workers: 3 })).toEqual(alone)
    const bad = pictureFiles([picture(0), join(fixtureDir, 'rows.jsonl'), picture(1)])
    expect((await entropies(bad, { workers: 2, onError: 'skip' })).results.map(({ id }) => id)).toEqual([
      picture(0),
      picture(1),
    ])
  })

  it('tells why a worker could not start', async (context) => {
    if (!existsSync(built)) context.skip('the workers are not built (npm run build)')
    const { error } = await entropies(pictureFiles([picture(0)]), { workers: 2, backend: 'none' as 'auto' })
    expect(error).toMatch(/^Backend none/)
  })
})
