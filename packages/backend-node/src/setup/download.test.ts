import { createHash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { download, rangeStart } from './download.ts'
import { serving, type Answer } from './testing.ts'

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251))
const sha256 = createHash('sha256').update(content).digest('hex')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durian-download-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Answers ranges as a file host does. */
const ranged = (range: string | undefined): Answer => {
  const start = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
  if (start >= content.length) return { status: 416, body: '' }
  const headers = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
  return start === 0 ? { status: 200, body: content } : { status: 206, headers, body: content.subarray(start) }
}

describe('download', () => {
  it('golden: goes on where an earlier try stopped, and leaves only the whole file', async () => {
    const to = join(folder, 'a.whl')
    await writeFile(`${to}.part`, content.subarray(0, 60_000))
    const ranges: Array<string | undefined> = []
    const seen: number[] = []
    await serving(
      ({ headers }) => {
        ranges.push(headers.range)
        return ranged(headers.range)
      },
      (address) => download({ url: `${address}/a.whl`, to, sha256, onBytes: (done) => seen.push(done) }),
    )
    expect(ranges).toEqual(['bytes=60000-'])
    expect(seen[0]).toBeGreaterThan(60_000)
    expect(seen.at(-1)).toBe(content.length)
    expect(content.equals(await readFile(to))).toBe(true)
    expect(await readdir(folder)).toEqual(['a.whl'])
  })

  it('golden: takes a broken connection up again by itself', async () => {
    const to = join(folder, 'a.whl')
    let asked = 0
    await serving(
      ({ headers }) => {
        asked += 1
        return asked === 1 ? { ...ranged(undefined), breakAfter: 30_000 } : ranged(headers.range)
      },
      (address) => download({ url: `${address}/a.whl`, to, sha256, pauseMs: 1 }),
    )
    expect(asked).toBe(2)
    expect(content.equals(await readFile(to))).toBe(true)
  })

  it('golden: starts anew where the server knows no ranges, and verifies what is complete already', async () => {
    const to = join(folder, 'a.whl')
    await writeFile(`${to}.part`, 'rubbish of an earlier try')
    await serving(
      () => ({ status: 200, body: content }),
      (address) => download({ url: `${address}/a.whl`, to, sha256 }),
    )
    expect(content.equals(await readFile(to))).toBe(true)

    await rm(to)
    await writeFile(`${to}.part`, content)
    await serving(
      ({ headers }) => ranged(headers.range),
      (address) => download({ url: `${address}/a.whl`, to, sha256 }),
    )
    expect(content.equals(await readFile(to))).toBe(true)
  })

  it('refuses a file whose checksum differs, and deletes it', async () => {
    const to = join(folder, 'a.whl')
    const attempt = serving(
      () => ({ status: 200, body: 'something else' }),
      (address) => download({ url: `${address}/a.whl`, to, sha256 }),
    )
    await expect(attempt).rejects.toThrow(
      /a\.whl arrived damaged: its sha256 is [0-9a-f]{64} and the package index says/,
    )
    expect(await readdir(folder)).toEqual([])
  })

  it('keeps a file that is there and right without asking anybody', async () => {
    const to = join(folder, 'a.whl')
    await writeFile(to, content)
    await download({ url: 'http://127.0.0.1:1/a.whl', to, sha256, retries: 0 })
  })

  it('gives up on a refusal at once and on a broken server after its retries, naming the host', async () => {
    const to = join(folder, 'a.whl')
    let asked = 0
    const against = (status: number) =>
      serving(
        () => {
          asked += 1
          return { status, body: '' }
        },
        (address) => download({ url: `${address}/a.whl`, to, sha256, retries: 2, pauseMs: 1 }),
      )
    await expect(against(403)).rejects.toThrow(/^127\.0\.0\.1:\d+ refuses a\.whl \(HTTP 403\)\.$/)
    expect(asked).toBe(1)
    await expect(against(503)).rejects.toThrow(/goes on where this one stopped/)
    expect(asked).toBe(1 + 3)
  })

  it('reads the start of a range', () => {
    expect([rangeStart('bytes 5-9/10'), rangeStart(null), rangeStart('items 5-9/10')]).toEqual([5, null, null])
  })
})
