import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findChromium, inChromium } from '../lib/browser.mjs'
import { npmCommand, root, run } from '../lib/process.mjs'

/*
 * WebGPU's browser home in headless Chromium, on SwiftShader: the list of laws that its Node home passes, and a page that trains.
 */

const { path, missing } = findChromium()

/** 53 s of laws on two cores that eighteen other processes wanted too. */
const PATIENCE_MS = 600_000

/** Bundle the page of laws from its sources. */
const bundle = async (file) => {
  const tools = createRequire(join(root, 'packages', 'core', 'package.json'))
  const { rolldown } = await import(pathToFileURL(tools.resolve('rolldown')).href)
  const input = join(root, 'packages', 'backend-webgpu', 'src', 'laws.page.ts')
  const conditionNames = ['source', 'browser', 'import', 'default']
  const page = await rolldown({ input, platform: 'browser', resolve: { conditionNames }, logLevel: 'silent' })
  await page.write({ file, format: 'esm' })
}

/** What the page of laws answers: a device and verdicts, or `missing`. */
const verdicts = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'durian-page-'))
  try {
    await bundle(join(directory, 'laws.js'))
    return await inChromium({ path, directory }, async (page, errors) => {
      await page.addScriptTag({ type: 'module', url: '/laws.js' })
      const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => ({ late: true }))
      const answer = await Promise.race([page.evaluate(() => globalThis.verdicts), late])
      if (errors.length > 0) throw new Error(`the page of laws failed: ${errors.join('\n')}`)
      if (answer === undefined || answer.late) throw new Error(`the page of laws says nothing for ${PATIENCE_MS} ms`)
      return answer
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

// Before the tests are listed: each law is one of them.
const answer = missing ? { missing } : await verdicts().catch((error) => ({ error }))

describe('the laws on WebGPU in Chromium', () => {
  if (answer.missing && !process.env.DURIAN_REQUIRE_CHROMIUM) {
    console.log(`skipped: the laws on WebGPU in Chromium, because ${answer.missing}`)
    it.skip(`law: WebGPU in Chromium (skipped: ${answer.missing})`, () => undefined)
    return
  }
  it('law: the page checks them on the device that was asked for', () => {
    if (answer.error) throw answer.error
    expect(answer.missing).toBeUndefined()
    expect(answer.device).toMatch(/swiftshader \(software/i)
    expect(answer.laws.length).toBeGreaterThan(150)
  })
  for (const { name, error } of answer.laws ?? [])
    it(`law: ${name}`, () => {
      if (error !== null) throw new Error(error)
    })
})

/** Mean rewards and gradient norms of the steps that a page printed. */
const stepsIn = (text) =>
  [...text.matchAll(/^step \d+: mean reward (\S+), gradient norm (\S+)$/gm)].map(([, ...numbers]) =>
    numbers.map(Number),
  )

describe('a machine without Chromium', () => {
  it('skips with the reason, and fails where DURIAN_REQUIRE_CHROMIUM is set', () => {
    const missing = 'no Chromium; CHROMIUM_PATH names one'
    expect(findChromium({}, ['/nowhere/chromium'])).toEqual({ missing })
    expect(() => findChromium({ DURIAN_REQUIRE_CHROMIUM: '1' }, [])).toThrow(missing)
    expect(findChromium({ CHROMIUM_PATH: process.execPath }, [])).toEqual({ path: process.execPath })
  })
})

describe('examples/browser-train', () => {
  const directory = join(root, 'examples', 'browser-train')
  /** What the page printed. */
  let said

  it('trains ten steps: its rewards rise', { timeout: PATIENCE_MS }, async (context) => {
    if (missing) context.skip(missing)
    if (answer.missing && !process.env.DURIAN_REQUIRE_CHROMIUM) context.skip(answer.missing)
    const { code, text } = await run([...npmCommand(), 'run', '-s', 'bundle'], { cwd: directory })
    if (code !== 0) throw new Error(text)
    said = await inChromium({ path, directory }, async (page, errors) => {
      await page.goto(`${page.url()}?software`)
      await page.waitForFunction("document.title.endsWith('done')", undefined, { timeout: PATIENCE_MS / 2 })
      expect(errors).toEqual([])
      return page.textContent('#log')
    })
    expect(said).toMatch(/^google swiftshader \(software/)
    const steps = stepsIn(said)
    expect(steps).toHaveLength(10)
    for (const [, gradNorm] of steps) expect(gradNorm).toBeGreaterThan(0)
    expect(steps[9][0]).toBeGreaterThan(steps[0][0] + 0.2)
  })

  it('draws the same tokens in Node, on Dawn', async (context) => {
    if (said === undefined) context.skip('the page printed nothing')
    const program = `
      globalThis.location = { search: '?software' }
      globalThis.document = { querySelector: () => ({ append: (line) => process.stdout.write(line) }) }
      await import('./train.mjs').catch((error) => console.log(error.message))
      process.exit(0)`
    const { text } = await run([process.execPath, '--input-type=module', '--eval', program], { cwd: directory })
    const steps = stepsIn(text)
    if (steps.length === 0 && !process.env.DURIAN_REQUIRE_WEBGPU) context.skip(text.trim())
    expect(steps, text).toHaveLength(10)
    for (const [i, [reward, gradNorm]] of stepsIn(said).entries()) {
      expect(steps[i][0]).toBeCloseTo(reward, 4)
      expect(steps[i][1]).toBeCloseTo(gradNorm, 3)
    }
  })

  it('says in a sentence that there is no GPU', async (context) => {
    if (missing) context.skip(missing)
    if (answer.missing && !process.env.DURIAN_REQUIRE_CHROMIUM) context.skip(answer.missing)
    const said = await inChromium({ path, directory }, async (page) => {
      await page.waitForFunction("document.title.endsWith('done')", undefined, { timeout: 110_000 })
      return page.textContent('#log')
    })
    expect(said).toContain('the only WebGPU adapter here is google swiftshader (software')
  })
})
